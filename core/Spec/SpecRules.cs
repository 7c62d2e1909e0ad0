using System.Text;
using Serverless.Contract;
using Serverless.Core.Runs;

namespace Serverless.Core.Spec;

/// <summary>What a spec may say beyond what its fields declare each for itself. Pure.</summary>
public static class SpecRules
{
    /// <summary>Of all parameters together, and of all variables: they are in the run's record, which every heartbeat writes.</summary>
    public const int MaxTotalBytes = 64 * 1024;
    public const int MaxListItems = 1000;

    private static readonly RunForms.Name Name = new();

    /// <summary>Everything that is wrong with a spec, whoever made it: what is wrong with it as it would be written. Empty when nothing is.</summary>
    public static ProblemList Problems(ExperimentSpec spec)
    {
        var problems = new ProblemList();
        problems.AddRange(SpecReader.Read(SpecWriter.ToJson(spec), SpecFormat.Json).Problems);
        return problems;
    }

    /// <summary>Of a project or an experiment; null when it is fine.</summary>
    public static string? NameProblem(string name) => Name.Problem(name);

    /// <summary>What no field can tell alone.</summary>
    internal static ProblemList OfWhole(ExperimentSpec spec)
    {
        var problems = new ProblemList();
        if (spec.Timeout <= TimeSpan.Zero) problems.Add(new("timeout", "must be longer than nothing; leave it out for no limit"));
        if (spec.Env.Sum(variable => (long)Encoding.UTF8.GetByteCount(variable.Value)) > MaxTotalBytes)
        {
            problems.Add(new("env", $"is more than {MaxTotalBytes / 1024} KiB together; put it into files under inputs"));
        }
        Params(spec, problems);
        Report(spec, problems);
        return problems;
    }

    private static void Report(ExperimentSpec spec, ProblemList problems)
    {
        var titles = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (i, plot) in spec.Report.Index())
        {
            var at = SpecPath.Item("report", i);
            if (!titles.Add(plot.Title)) problems.Add(new(SpecPath.Field(at, "title"), $"'{plot.Title}' is there twice"));
            if (plot.Series.Count + plot.Columns.Count == 0 && plot.Level is null)
            {
                problems.Add(new(at, "shows nothing; give it series, columns or a level"));
            }
            if (plot.Results is not null) continue;
            if (plot.X != ReportPlot.Step && !plot.X.StartsWith(ReportPlot.OfParams, StringComparison.Ordinal))
            {
                problems.Add(new(SpecPath.Field(at, "x"),
                    $"'{plot.X}' is a value of a file; name the file under results, or write step or params.NAME"));
            }

            foreach (var (name, isThere) in (ReadOnlySpan<(string, bool)>)[("rows", plot.Rows is not null), ("atZero", plot.AtZero is not null),
                ("level", plot.Level is not null), ("columns", plot.Columns.Count > 0)])
            {
                if (isThere) problems.Add(new(SpecPath.Field(at, name), "is a value of a file; name the file under results"));
            }
        }
    }

    private static string Clash(string path, string other) => path == other
        ? "is there twice: in a map, and with a dot in its name; keep one"
        : $"and params.{other} are the same variable, {ParamPath.Variable(path)}; rename one";

    private static void Params(ExperimentSpec spec, ProblemList problems)
    {
        var (count, total, variables) = (0, 0L, new Dictionary<string, string>(StringComparer.Ordinal));
        foreach (var (path, value) in ParamPath.Flat(spec.Params))
        {
            var at = SpecPath.Field("params", path);
            count++;
            if (path.Length > ParamPath.MaxLength)
            {
                problems.Add(new(at, $"is a name of {path.Length} characters with those that it is in, at most {ParamPath.MaxLength}"));
            }
            else if (!variables.TryAdd(ParamPath.Variable(path), path)) problems.Add(new(at, Clash(path, variables[ParamPath.Variable(path)])));
            if (value.ValueKind == System.Text.Json.JsonValueKind.Array && value.GetArrayLength() > MaxListItems)
            {
                problems.Add(new(at, $"{value.GetArrayLength()} values, at most {MaxListItems}; put them into a file under inputs"));
            }
            var bytes = Encoding.UTF8.GetByteCount(value.GetRawText());
            total += bytes;
            if (bytes > RunForms.MaxValueBytes)
            {
                problems.Add(new(at, $"is longer than {RunForms.MaxValueBytes / 1024} KiB; put it into a file under inputs"));
            }
        }

        if (count > ParamPath.MaxParams) problems.Add(new("params", $"{count} parameters, at most {ParamPath.MaxParams}"));
        if (total > MaxTotalBytes)
        {
            problems.Add(new("params", $"are more than {MaxTotalBytes / 1024} KiB together; put them into files under inputs"));
        }
    }
}
