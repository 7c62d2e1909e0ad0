using System.Text;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Storage.Plain;
using Serverless.Core.Workspaces;

namespace Serverless.Cli.Platform;

/// <summary>The folder that a platform on this machine keeps everything in.</summary>
sealed class DataFolder(string path)
{
    private const int MaxBytes = 4096;

    public string Path { get; } = System.IO.Path.GetFullPath(path);

    /// <summary>Written by the platform at its first start, readable by its owner only.</summary>
    public string KeyFile => System.IO.Path.Combine(Path, "admin.key");

    /// <summary>
    /// Held, not written: whoever has it open exclusively is the live platform. The system lets go of it however that process ends.
    /// </summary>
    public string LockFile => System.IO.Path.Combine(Path, "exp.lock");

    /// <summary>One that somebody else left in a folder for all would lead there, with whatever is submitted.</summary>
    private static bool IsHere => Directory.Exists(".exp") && !PrivateFolder.BelongsToAnother(".exp");

    /// <summary>Whether one is meant in particular: EXP_DATA says so, or it lies in the current folder.</summary>
    public static bool IsNamed => Environment.GetEnvironmentVariable("EXP_DATA") is { Length: > 0 } || IsHere;

    /// <summary>The given folder; else EXP_DATA; else <c>.exp</c> in the current folder when it is there; else <c>~/.local/share/exp</c>.</summary>
    public static DataFolder Find(string? given)
    {
        if (given is not null) return new(given.Length > 0 ? given : throw ExpException.Usage("--data: the folder's name is missing"));
        if (Environment.GetEnvironmentVariable("EXP_DATA") is { Length: > 0 } variable) return new(variable);
        if (IsHere) return new(".exp");
        var share = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
        return new(System.IO.Path.Combine(share.Length > 0 ? share : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), "exp"));
    }

    /// <summary>A platform was started here before, and what it kept is gone.</summary>
    public bool LacksItsWorkspace =>
        Directory.Exists(System.IO.Path.Combine(Path, LocalWorkspaces.PlatformFolder))
            && !Directory.Exists(System.IO.Path.Combine(Path, LocalWorkspaces.Default));

    public string? ReadKey() => Read(KeyFile);

    public ExpException BelongsToAnother() =>
        new(ExitCode.NotAllowed, $"{Path} belongs to another user; set EXP_URL and EXP_KEY, to a key of your own");

    private string? Read(string file)
    {
        try
        {
            using var opened = PlainFile.Open(file);
            return Encoding.UTF8.GetString(opened.ReadAll(MaxBytes)).Trim() is { Length: > 0 } text ? text : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (NotPlainException problem)
        {
            throw PrivateFolder.BelongsToAnother(file) ? BelongsToAnother() : ExpException.Usage($"{file} cannot be read: {problem.Message}");
        }
    }
}
