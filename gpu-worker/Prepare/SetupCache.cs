using System.Security.Cryptography;
using System.Text;
using Serverless.Core.Runs;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Storage.Plain;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Prepare;

/// <summary>
/// What a set-up command left in the code's folder, and — where code has a home of its own — in its home. Runs get copies of the code's own files,
/// and of what the set-up added at the top when that is small and they could write to it; else links to it.
/// </summary>
/// <param name="user">Whom the command runs as; null: as this process does. What it left is read-only for every run of another user.</param>
sealed class SetupCache(FolderCache folders, CodeUser? user)
{
    private const string Code = "code", Home = "home";

    /// <summary>
    /// pip compiles what it installs, uv does when it is told to. Runs do not, so that what they are given stays as it is.
    /// </summary>
    private const string CompileWithUv = "UV_COMPILE_BYTECODE";

    /// <summary>What programs write into their homes by the way; it is not what somebody set up.</summary>
    private static readonly string[] NotSetUp = [".cache", ".config"];

    public async Task Copy(
        CacheEntry source, RunSpec spec, string setup, IReadOnlyDictionary<string, string> environment, Steps steps, WorkFolder work,
        CancellationToken cancel)
    {
        var variables = string.Join('\n', spec.Env.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}"));
        var key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{spec.Code.Tree}\n{setup}\n{variables}")));
        var entry = await folders.GetOrMake(
            key, folder => Make(folder, source, spec, setup, environment, steps, cancel), steps.Say, cancel, steps.Waiting(spec));
        var made = work.Keep(entry);
        var asCopy = user is null && entry.IsSmall;
        foreach (var found in new DirectoryInfo(Path.Combine(made, Code)).EnumerateFileSystemInfos())
        {
            var name = Path.Combine(work.Code, found.Name);
            var isOwn = found.LinkTarget is null && Path.Exists(Path.Combine(source.Folder, found.Name));
            if (!isOwn && !asCopy) File.CreateSymbolicLink(name, found.FullName);
            else if (found.LinkTarget is { } target) File.CreateSymbolicLink(name, target);
            else if (found is not DirectoryInfo) Folders.CopyFile(found.FullName, name, steps.LeaveOut, cancel);
            else Folders.Copy(found.FullName, name, (path, why) => steps.LeaveOut($"{found.Name}/{path}", why), cancel, withLinks: true);
        }

        foreach (var found in new DirectoryInfo(Path.Combine(made, Home)).EnumerateFileSystemInfos())
        {
            if (!NotSetUp.Contains(found.Name)) File.CreateSymbolicLink(Path.Combine(work.Home, found.Name), found.FullName);
        }

        entry.Verify();
    }

    private async Task Make(
        string folder, CacheEntry source, RunSpec spec, string setup, IReadOnlyDictionary<string, string> environment, Steps steps,
        CancellationToken cancel)
    {
        var (code, home) = (Path.Combine(folder, Code), Path.Combine(folder, Home));
        Folders.Copy(source.Folder, code, steps.LeaveOut, cancel);
        source.Verify();
        Posix.MakeFolder(home);
        user?.Give(code);
        user?.Give(home);
        var own = new Dictionary<string, string>(environment);
        if (user is not null) own["HOME"] = home;
        if (!spec.Env.ContainsKey(RunEnvironment.NoBytecode)) own.Remove(RunEnvironment.NoBytecode);
        own.TryAdd(CompileWithUv, "1");
        await steps.Run("setup", ["/bin/sh", "-c", setup], code, own, spec);
        foreach (var (path, what) in (IEnumerable<(string, string)>)[(code, "the folder of the code"), (home, "its home")])
        {
            if (FileCalls.LookAt(path) is { Kind: not FileKind.Folder } look)
            {
                throw new PreparationException(Cause.Build, $"after the set-up command {what} is {look.Noun}; it must stay where it is");
            }

            if (!OperatingSystem.IsLinux()) continue;
            foreach (var left in FolderRemoval.RemoveUnreadable(path)) steps.LeaveOut(left, "its name is not UTF-8; rename it in the set-up");
        }

        if (user is not null) CodeUser.TakeBack(folder);
    }
}
