using Serverless.Cli.Transfer;
using Serverless.Core.Spec;
using Serverless.Core.Storage.Plain;

namespace Serverless.Cli.Submit;

/// <summary>An experiment as it is on this machine: its spec, and the folder or file that is its code.</summary>
/// <param name="CodePath">Null: the spec names a snapshot that is in the workspace already.</param>
sealed record ExperimentSource(ExperimentSpec Spec, string? CodePath)
{
    private static readonly string[] SpecFiles = ["experiment.yaml", "experiment.yml", "experiment.json"];

    /// <summary>A code file, a folder of code, a folder with an experiment.yaml, or a spec.</summary>
    /// <param name="arguments">Appended to the command.</param>
    public static ExperimentSource Of(string path, string[] arguments)
    {
        if (Directory.Exists(path))
        {
            if (SpecFiles.Select(file => Path.Combine(path, file)).FirstOrDefault(File.Exists) is not { } spec)
            {
                return OfCode(path, Command(".", arguments));
            }

            return PlainFile.Problem(spec) is { } problem ? throw ExpException.Usage($"{spec}: {problem}") : OfSpec(spec, arguments);
        }

        if (!File.Exists(path)) throw ExpException.NotFound($"there is no file or folder {path}");
        var file = Path.GetFileName(path);
        return Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".yaml" or ".yml" or ".json" => OfSpec(path, arguments),
            ".cs" => OfCode(path, Command(file, arguments)),
            ".csproj" => OfCode(Path.GetDirectoryName(Path.GetFullPath(path))!, Command(file, arguments)),
            ".py" => OfCode(path, Command($"python3 {Operand(file)}", arguments)),
            ".sh" => OfCode(path, Command($"sh {Operand(file)}", arguments)),
            var other => throw ExpException.Usage(
                $"cannot tell how to run a {(other.Length > 0 ? other : "nameless")} file; write its command in an experiment.yaml (see exp init)"),
        };
    }

    /// <exception cref="ExpException">The spec is not valid; every problem is a line.</exception>
    public static ExperimentSource OfSpec(string file, string[] arguments)
    {
        LocalFiles.MustBeFile(file);
        var reading = SpecReader.Read(File.ReadAllText(file), Path.GetExtension(file)
            .Equals(".json", StringComparison.OrdinalIgnoreCase) ? SpecFormat.Json : SpecFormat.Yaml);
        if (reading.Spec is not { } spec) throw Invalid(file, reading.Problems);
        spec = spec with { Command = Command(spec.Command, arguments) };
        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        return new(spec, spec.Code.Path is { } path ? Path.GetFullPath(Path.Combine(folder, path)) : null);
    }

    public static ExpException Invalid(string what, IReadOnlyList<Problem> problems) =>
        problems is [var one]
            ? ExpException.Usage($"{what}: {one}")
            : ExpException.Usage($"{what} has {problems.Count} problems:", [.. problems.Select(problem => problem.ToString())]);

    private static ExperimentSource OfCode(string path, string command)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var isFolder = Directory.Exists(full);
        var project = Git.Of(full)?.Root ?? (isFolder ? full : Path.GetDirectoryName(full)!);
        return new(new()
        {
            Project = AsName(Path.GetFileName(project)),
            Name = AsName(isFolder ? Path.GetFileName(full) : Path.GetFileNameWithoutExtension(full)),
            Code = new(Snapshot: null, Path: path),
            Command = command,
        }, full);
    }

    /// <summary>The nearest name that the rules for names allow.</summary>
    private static string AsName(string text)
    {
        var name = string.Concat(text.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' ? c : '-'))
            .TrimStart('-', '.', '_').TrimEnd('-', '.');
        return name.Length == 0 ? "experiment" : name[..Math.Min(name.Length, 63)];
    }

    private static string Command(string command, string[] arguments) => string.Join(' ', arguments.Select(Quoted).Prepend(command));

    // An interpreter takes what begins with a hyphen for one of its options.
    private static string Operand(string file) => Quoted(file.StartsWith('-') ? "./" + file : file);

    private static string Quoted(string word) =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./=:,+@%".Contains(c, StringComparison.Ordinal))
            ? word
            : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
