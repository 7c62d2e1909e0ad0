using System.Text;

namespace Serverless.Core.Spec;

public enum SpecFormat
{
    Json,
    Yaml,
}

/// <param name="Spec">Null when there are problems.</param>
public sealed record SpecReading(ExperimentSpec? Spec, IReadOnlyList<Problem> Problems);

/// <summary>
/// Reads a spec as people write it and says everything that is wrong with it at once, each with its path. What the text alone can tell is checked
/// here; whether
/// snapshot, inputs and machine class exist, <see cref="Submission"/> finds out.
/// </summary>
public static class SpecReader
{
    public static SpecReading Read(string text, SpecFormat format)
    {
        var problems = new ProblemList();
        if (Encoding.UTF8.GetByteCount(text) > SpecLimits.TextBytes)
        {
            problems.Add(new("", $"a spec is at most {SpecLimits.TextBytes / 1024} KiB; put data into files and name them under inputs"));
            return new(null, problems);
        }

        var root = format == SpecFormat.Json ? JsonSpec.Parse(text, problems) : YamlSpec.Parse(text, problems);
        if (root is null) return new(null, problems);
        if (root.Kind == SpecKind.Nothing)
        {
            problems.Add(new("", "the spec is empty; it needs at least project, name and command"));
            return new(null, problems);
        }

        return Read(root, problems);
    }

    /// <param name="problems">What was found when the text was parsed; gets what is found now.</param>
    internal static SpecReading Read(SpecNode root, ProblemList problems)
    {
        var spec = new FieldReader(problems).Read<ExperimentSpec>("", root);
        if (spec is null) return new(null, problems);

        // A field that could not be read stands in the spec as its default, about which there is nothing more to say.
        var said = problems.Select(problem => problem.Path).ToHashSet(StringComparer.Ordinal);
        problems.AddRange(SpecRules.OfWhole(spec).Where(problem => !said.Contains(problem.Path)));
        return problems.Count == 0 ? new(spec, problems) : new(null, problems);
    }
}
