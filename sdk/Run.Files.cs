using Serverless.Contract;

namespace Serverless;

public sealed partial class Run
{
    private const int ShownFiles = 10;

    /// <summary>
    /// Full path of the folder with the declared inputs, without their leading <c>data/</c>; it may not exist
    /// when there are none. Read-only. Outside the platform <c>./data</c>.
    /// </summary>
    public string Inputs { get; }

    /// <summary>Full path of the folder that everything goes to. Outside the platform it is made when first asked for.</summary>
    public string Output => output.Value;

    /// <summary>Full path of an input file or folder.</summary>
    /// <param name="path">As declared, with or without <c>data/</c>: <c>digits/train.csv</c>.</param>
    /// <exception cref="FileNotFoundException">There is no such input; the message says which there are.</exception>
    public string Input(string path)
    {
        var full = Below(Inputs, WithoutData(path));
        if (File.Exists(full) || Directory.Exists(full)) return full;
        var there = InputFiles();
        var known = there.Count == 0
            ? "there are no inputs"
            : $"there is {string.Join(", ", there.Take(ShownFiles))}{(there.Count > ShownFiles ? $" and {there.Count - ShownFiles} more" : "")}";
        throw new FileNotFoundException($"no input '{path}': {known}; declare it under inputs: in experiment.yaml", full);
    }

    /// <summary>Relative paths of all input files below a folder, sorted; empty when there are none.</summary>
    /// <param name="folder">Below <see cref="Inputs"/>, with or without <c>data/</c>; empty: all.</param>
    public IReadOnlyList<string> InputFiles(string folder = "")
    {
        var root = Below(Inputs, WithoutData(folder));
        if (!Directory.Exists(root)) return [];
        return [.. Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Inputs, f).Replace('\\', '/'))
            .Order(StringComparer.Ordinal)];
    }

    /// <summary>Path to write an artifact to: kept with the run, whatever becomes of it. Its folders are made.</summary>
    /// <param name="path">Relative: <c>results.json</c>, <c>plots/loss.png</c>.</param>
    public string Artifact(string path) => ToWrite(ContractNames.Artifacts, path);

    /// <summary>Path to write a file to that becomes <c>data/{path}</c> of the workspace when the run succeeds. Its folders are made.</summary>
    public string Publish(string path) => ToWrite(ContractNames.Data, WithoutData(path));

    private string ToWrite(string kind, string path)
    {
        var full = Below(Path.Combine(Output, kind), path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        return full;
    }

    private static string WithoutData(string path) => path.StartsWith("data/", StringComparison.Ordinal) ? path["data/".Length..] : path;

    private static string Below(string root, string path)
    {
        var full = Path.GetFullPath(Path.Combine(root, path));
        var inside = Path.GetRelativePath(root, full);
        if (Path.IsPathRooted(path) || inside == ".." || inside.StartsWith("../", StringComparison.Ordinal)
            || inside.StartsWith(@"..\", StringComparison.Ordinal))
            throw new ArgumentException($"'{path}' leads out of its folder; give a relative path without '..'", nameof(path));
        return full;
    }
}
