using System.Security.Cryptography;
using System.Text;
using Serverless.Core.Runs;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Prepare;

/// <summary>
/// What a set-up command left in the code's folder. It is run at the place where its result stays, because virtual environments and the like hold
/// absolute paths; runs get copies of the code's own files and links to what the set-up added at the top.
/// </summary>
/// <param name="user">Whom the command runs as; null: as this process does. What it left is read-only for every run.</param>
sealed class SetupCache(string root, CodeUser? user)
{
    private static readonly TimeSpan LockPoll = TimeSpan.FromMilliseconds(100);

    public async Task Copy(
        string source, RunSpec spec, string setup, IReadOnlyDictionary<string, string> environment, Steps steps, string target, TimeProvider time,
        CancellationToken cancel)
    {
        var variables = string.Join('\n', spec.Env.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}"));
        var folder = Path.Combine(root, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{spec.Code.Tree}\n{setup}\n{variables}"))));
        var done = folder + ".done";
        if (!File.Exists(done))
        {
            Directory.CreateDirectory(root);
            await using var one = await FolderCache.Lock(folder + ".lock", LockPoll, time, cancel);
            if (!File.Exists(done))
            {
                Folders.Delete(folder);
                Folders.Copy(source, folder, steps.LeaveOut);
                user?.Give(folder);
                await steps.Run("setup", ["/bin/sh", "-c", setup], folder, environment, spec);
                if (user is not null) CodeUser.TakeBack(folder);
                await File.WriteAllTextAsync(done, setup, cancel);
            }
        }

        foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos())
        {
            var name = Path.Combine(target, entry.Name);
            if (!Path.Exists(Path.Combine(source, entry.Name)) || entry.LinkTarget is not null) File.CreateSymbolicLink(name, entry.FullName);
            else if (entry is DirectoryInfo) Folders.Copy(entry.FullName, name, (path, why) => steps.LeaveOut($"{entry.Name}/{path}", why));
            else Folders.CopyFile(entry.FullName, name, steps.LeaveOut);
        }
    }
}
