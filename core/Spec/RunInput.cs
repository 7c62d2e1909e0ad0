using Serverless.Core.Storage;

namespace Serverless.Core.Spec;

/// <summary>
/// An input that is another run's artifact: <c>run:01ABC…/artifacts/weights.safetensors</c>,
/// which is <c>artifacts/weights.safetensors</c> below EXP_INPUTS.
/// </summary>
/// <param name="Path">Of the artifact, as the run wrote it below <c>artifacts/</c>.</param>
public sealed record RunInput(string Run, string Path)
{
    public const string Prefix = "run:";

    /// <summary>What to write, for messages.</summary>
    public const string Wanted = "run:RUN-ID/artifacts/PATH";

    internal const string Folder = "artifacts";
    private const int RunIdLength = 26;

    /// <summary>Null: the text is something else.</summary>
    public static RunInput? Parse(string input)
    {
        if (input.Split('/', 3) is not [var named, Folder, { Length: > 0 } path] || !named.StartsWith(Prefix, StringComparison.Ordinal)) return null;
        var run = named[Prefix.Length..];
        return run.Length == RunIdLength && run.All(c => char.IsAsciiDigit(c) || char.IsAsciiLetterUpper(c)) && ObjectKey.Problem(path) is null
            ? new(run, path)
            : null;
    }

    public override string ToString() => $"{Prefix}{Run}/{Folder}/{Path}";
}
