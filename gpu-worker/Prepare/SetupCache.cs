using System.Security.Cryptography;
using System.Text;
using Serverless.Core.Runs;
using Serverless.Core.Storage.Folder;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Prepare;

/// <summary>
/// What a set-up command left in the code's folder, and — where code has a home of its own — in its home. Runs get copies of the code's own files and
/// links to what the set-up added at the top.
/// </summary>
/// <param name="user">Whom the command runs as; null: as this process does. What it left is read-only for every run.</param>
sealed class SetupCache(FolderCache folders, CodeUser? user)
{
    private const string Code = "code", Home = "home";

    /// <summary>What programs write into their homes by the way; it is not what somebody set up.</summary>
    private static readonly string[] NotSetUp = [".cache", ".config"];

    public async Task Copy(
        string source, RunSpec spec, string setup, IReadOnlyDictionary<string, string> environment, Steps steps, WorkFolder target,
        CancellationToken cancel)
    {
        var variables = string.Join('\n', spec.Env.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}"));
        var key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{spec.Code.Tree}\n{setup}\n{variables}")));
        var made = target.Keep(await folders.GetOrMake(key, folder => Make(folder, source, spec, setup, environment, steps, cancel), cancel));
        foreach (var entry in new DirectoryInfo(Path.Combine(made, Code)).EnumerateFileSystemInfos())
        {
            var name = Path.Combine(target.Code, entry.Name);
            if (!Path.Exists(Path.Combine(source, entry.Name)) || entry.LinkTarget is not null) File.CreateSymbolicLink(name, entry.FullName);
            else if (entry is DirectoryInfo) Folders.Copy(entry.FullName, name, (path, why) => steps.LeaveOut($"{entry.Name}/{path}", why), cancel);
            else Folders.CopyFile(entry.FullName, name, steps.LeaveOut, cancel);
        }

        foreach (var entry in new DirectoryInfo(Path.Combine(made, Home)).EnumerateFileSystemInfos())
        {
            if (!NotSetUp.Contains(entry.Name)) File.CreateSymbolicLink(Path.Combine(target.Home, entry.Name), entry.FullName);
        }
    }

    private async Task Make(
        string folder, string source, RunSpec spec, string setup, IReadOnlyDictionary<string, string> environment, Steps steps, CancellationToken cancel)
    {
        var (code, home) = (Path.Combine(folder, Code), Path.Combine(folder, Home));
        Folders.Copy(source, code, steps.LeaveOut, cancel);
        Posix.MakeFolder(home);
        user?.Give(code);
        user?.Give(home);
        if (user is not null) environment = new Dictionary<string, string>(environment) { ["HOME"] = home };
        await steps.Run("setup", ["/bin/sh", "-c", setup], code, environment, spec);
        if (user is not null) CodeUser.TakeBack(folder);
    }
}
