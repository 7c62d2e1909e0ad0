using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Collect;
using Serverless.GpuWorker.Prepare;
using Serverless.Tests.Runs;

namespace Serverless.Tests.Worker;

/// <summary>
/// The collectors on folders that chance made, some while they are being changed: collecting ends, what is plain is kept exactly, and everything else
/// is named. <c>FUZZ_SECONDS</c> tries for longer;
/// <c>FUZZ_SEED</c> tries one seed.
/// </summary>
public sealed class CollectorFuzzTests(ITestOutputHelper said) : IDisposable
{
    private const int Seeds = 3;

    private readonly string root = Directory.CreateTempSubdirectory("collectors-").FullName;

    private string Output => Path.Combine(root, "output");

    private string Treasure => Path.Combine(root, "treasure");

    public void Dispose()
    {
        Folders.Delete(Path.GetDirectoryName(root)!, Path.GetFileName(root));
        Assert.False(Directory.Exists(root));
    }

    [Fact]
    public Task Outputs_WhateverCodeMakesOfThem_WhatIsPlainIsKept_AndTheRestIsNamed() => ForSeeds(async seed =>
    {
        var store = new FolderObjectStore(Path.Combine(root, "store"), TimeProvider.System);
        var omissions = new Omissions(_ => { });
        var outputs = new OutputCollector(store, Some.Run(), Output, omissions, new(TimeProvider.System, NullLogger.Instance));
        var tree = new HostileTree(Output, Treasure, seed);
        var changing = Task.Run(() =>
        {
            for (var i = 0; i < 300; i++) tree.Change("artifacts", "data");
        });
        while (!changing.IsCompleted) await outputs.UploadSettled(CancellationToken.None);
        await changing;
        await outputs.UploadSettled(CancellationToken.None);
        tree.Change("artifacts", "data");

        var key = await outputs.Finish(publish: true, CancellationToken.None);

        var (kept, left) = Expected(["artifacts", "data"], path => path.StartsWith("data/", StringComparison.Ordinal)
            ? WorkspacePaths.PublishedFile("run-1", 1, path["data/".Length..]) : WorkspacePaths.Artifact("run-1", 1, path["artifacts/".Length..]));
        var manifest = key is null ? new([], []) : (await store.Get(key))!.Json<OutputManifest>();
        Assert.Equal(kept.Keys.Order(StringComparer.Ordinal),
            manifest.Artifacts.Select(file => "artifacts/" + file.Path).Concat(manifest.Data.Select(file => "data/" + file.Path)));
        foreach (var (path, sha256) in kept)
        {
            var file = manifest.Artifacts.Concat(manifest.Data).Single(file => file.Key.EndsWith("/" + path, StringComparison.Ordinal));
            Assert.Equal(sha256, file.Sha256);
            Assert.Equal(sha256, Hash((await store.Get(file.Key))!.Body));
        }

        Assert.Equal(left.Count, omissions.Summary?.Count ?? 0);
        Assert.Equal(
            left.Order(StringComparer.Ordinal).Take(LeftOut.MaxFiles).Select(Shown), omissions.Summary?.Files.Select(file => file.Path) ?? []);
    });

    [Fact]
    public Task Checkpoints_WhateverIsInThem_WhatIsPlainIsKept_AndTheRestIsNamed() => ForSeeds(async seed =>
    {
        var store = new FolderObjectStore(Path.Combine(root, "store"), TimeProvider.System);
        var omissions = new Omissions(_ => { });
        var made = new List<CheckpointRef>();
        var run = Some.Run() with { Epoch = 1 };
        var checkpoints = new CheckpointCollector(
            store, run, Output, [], omissions, new(TimeProvider.System, NullLogger.Instance), TimeProvider.System, () => StreamMark.Start,
            (_, _, _) => Task.FromResult(new StreamCut(StreamCursor.Start, null, StreamCursor.Start, new Dictionary<string, double>())),
            _ => Task.FromResult<IReadOnlyList<KeptOutput>>([]), (checkpoint, _) =>
            {
                made.Add(checkpoint);
                return Task.FromResult(true);
            });
        var tree = new HostileTree(Output, Treasure, seed);
        for (var i = 0; i < 3; i++) tree.Checkpoint();
        var all = Directory.EnumerateDirectories(Path.Combine(Output, "checkpoints")).Where(folder => new DirectoryInfo(folder).LinkTarget is null)
            .Select(folder => Path.GetFileName(folder)!).ToList();
        var names = all.OrderBy(name => long.Parse(name, CultureInfo.InvariantCulture)).ThenBy(name => name, StringComparer.Ordinal)
            .DistinctBy(name => long.Parse(name, CultureInfo.InvariantCulture)).ToList();
        var expected = names.Select(
            name => (Step: long.Parse(name, CultureInfo.InvariantCulture),
                Expected([$"checkpoints/{name}"], path => path[$"checkpoints/{name}/".Length..]).Kept))
            .Where(one => one.Kept.Count > 0).ToList();
        var left = Expected(
            ["checkpoints"], path => path.Count(c => c == '/') < 2 ? "" : path[(path.IndexOf('/', "checkpoints/".Length) + 1)..]).Left;

        // Of two folders of one step the first that is whole counts, which at the end is the first of both.
        if (names.Count == all.Count) await checkpoints.Collect(atEnd: false, CancellationToken.None);
        await checkpoints.Collect(atEnd: true, CancellationToken.None);

        Assert.Equal(expected.Select(one => one.Step), made.OrderBy(one => one.Step).Select(one => one.Step));
        foreach (var (step, kept) in expected)
        {
            var manifest = (await store.Get(made.Single(one => one.Step == step).Manifest))!.Json<CheckpointManifest>();
            Assert.Equal(kept.OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => one.Value), manifest.Files.Select(file => file.Sha256));
            foreach (var file in manifest.Files)
            {
                using var whole = new MemoryStream();
                foreach (var chunk in file.Chunks) whole.Write((await store.Get(chunk.Key))!.Body);
                Assert.Equal((file.LengthBytes, file.Sha256), (whole.Length, Hash(whole.ToArray())));
            }
        }

        // Two folders of one step: the second is named as a whole, and what is in it is not.
        foreach (var file in (omissions.Summary?.Files ?? []).Where(file => !file.Why.StartsWith("step ", StringComparison.Ordinal)))
        {
            Assert.Contains(file.Path, left.Select(Shown));
        }
    });

    [Fact]
    public Task Collectors_WhenEveryFolderMayBecomeALink_LeaveAloneWhatLiesBehindIt() => ForSeeds(async seed =>
    {
        var store = new FolderObjectStore(Path.Combine(root, "store"), TimeProvider.System);
        var omissions = new Omissions(_ => { });
        var retry = new Retry(TimeProvider.System, NullLogger.Instance);
        var outputs = new OutputCollector(store, Some.Run(), Output, omissions, retry);
        var checkpoints = new CheckpointCollector(
            store, Some.Run() with { Epoch = 1 }, Output, [], omissions, retry, TimeProvider.System, () => StreamMark.Start,
            (_, _, _) => Task.FromResult(new StreamCut(StreamCursor.Start, null, StreamCursor.Start, new Dictionary<string, double>())),
            outputs.KeepAll, (_, _) => Task.FromResult(true));
        var tree = new HostileTree(Output, Treasure, seed);
        var random = new Random(seed);
        var looks = 0;
        var changing = Task.Run(() =>
        {
            for (var i = 0; i < 10; i++)
            {
                tree.Checkpoint();
                tree.Change("artifacts", "data");

                // The folder is one thing at the listing and another at the reading: it changes in
                // the middle of a look, and back in the middle of another.
                var folder = Path.Combine(Output, random.Next(3) switch { 0 => "artifacts", 1 => "data", _ => "checkpoints" });
                Directory.Move(folder, folder + ".real");
                Directory.CreateSymbolicLink(folder, Treasure);
                var (since, more) = (Volatile.Read(ref looks), random.Next(2));
                while (Volatile.Read(ref looks) < since + more) Thread.SpinWait(100);
                File.Delete(folder);
                Directory.Move(folder + ".real", folder);
            }
        });
        while (!changing.IsCompleted)
        {
            await omissions.Guard("artifacts", isLast: false, () => outputs.UploadSettled(CancellationToken.None));
            await omissions.Guard("checkpoints", isLast: false, () => checkpoints.Collect(atEnd: false, CancellationToken.None));
            Interlocked.Increment(ref looks);
        }

        await changing;
        await omissions.Guard("checkpoints", isLast: true, () => checkpoints.Collect(atEnd: true, CancellationToken.None));
        await omissions.Guard("artifacts", isLast: true, () => outputs.Finish(publish: true, CancellationToken.None));

        await foreach (var kept in store.List(""))
        {
            Assert.DoesNotContain("treasure", Encoding.UTF8.GetString((await store.Get(kept.Key))!.Body), StringComparison.Ordinal);
        }
    });

    // What find says is there, which knows nothing of the collectors.
    private (Dictionary<string, string> Kept, List<string> Left) Expected(string[] below, Func<string, string> keyOf)
    {
        var start = new ProcessStartInfo("find", [.. below, "-printf", "%y %p\\0"])
        {
            WorkingDirectory = Output,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var find = Process.Start(start)!;
        find.ErrorDataReceived += (_, _) => { };
        find.BeginErrorReadLine();
        using var said = new MemoryStream();
        find.StandardOutput.BaseStream.CopyTo(said);
        find.WaitForExit();
        var strict = new UTF8Encoding(false, throwOnInvalidBytes: true);
        var (kept, left) = (new Dictionary<string, string>(StringComparer.Ordinal), new List<string>());
        foreach (var entry in Split(said.ToArray()))
        {
            var path = Encoding.UTF8.GetString(entry.AsSpan(2));
            if (left.Any(folder => path.StartsWith(folder + "/", StringComparison.Ordinal))) continue;
            var file = Path.Combine(Output, path);
            var isText = true;
            try
            {
                strict.GetCharCount(entry.AsSpan(2));
            }
            catch (DecoderFallbackException)
            {
                isText = false;
            }

            var isFine = isText && entry[0] switch
            {
                (byte)'d' => Encoding.UTF8.GetByteCount(path) <= 900 && MayRead(file, UnixFileMode.UserRead | UnixFileMode.UserExecute),
                (byte)'f' => ObjectKey.Problem(keyOf(path)) is null && MayRead(file, UnixFileMode.UserRead) && new FileInfo(file).Length < 1L << 40,
                _ => false,
            };
            if (!isFine) left.Add(path);
            else if (entry[0] == 'f') kept[path] = Hash(File.ReadAllBytes(file));
        }

        return (kept, left);
    }

    private static IEnumerable<byte[]> Split(byte[] text)
    {
        for (var at = 0; at < text.Length;)
        {
            var end = Array.IndexOf(text, (byte)0, at);
            yield return text[at..end];
            at = end + 1;
        }
    }

    private static bool MayRead(string path, UnixFileMode wanted) =>
        OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess || (File.GetUnixFileMode(path) & wanted) == wanted;

    private static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private static string Shown(string path)
    {
        var clean = string.Concat(path.Select(c => char.IsControl(c) ? '\uFFFD' : c));
        return clean.Length <= 200 ? clean : clean[..200] + "…";
    }

    private async Task ForSeeds(Func<int, Task> tryOne)
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("what a name stands for is told on Linux");
        var seconds = int.Parse(Environment.GetEnvironmentVariable("FUZZ_SECONDS") ?? "0", CultureInfo.InvariantCulture);
        var only = Environment.GetEnvironmentVariable("FUZZ_SEED") is { } wanted ? int.Parse(wanted, CultureInfo.InvariantCulture) : (int?)null;
        var watch = Stopwatch.StartNew();
        var first = only ?? (seconds > 0 ? Environment.TickCount & 0xffffff : 1);
        var seed = first;
        for (; only is null ? seed < first + Seeds || watch.Elapsed.TotalSeconds < seconds : seed == first; seed++)
        {
            foreach (var folder in (string[])["output/artifacts", "output/data", "output/checkpoints", "treasure", "store"])
            {
                Directory.CreateDirectory(Path.Combine(root, folder));
            }

            File.WriteAllText(Path.Combine(Treasure, "gold"), "the treasure of somebody else");
            Directory.CreateDirectory(Path.Combine(Treasure, "3"));
            File.WriteAllText(Path.Combine(Treasure, "3", "w"), "more of the treasure");
            try
            {
                await tryOne(seed).WaitAsync(TimeSpan.FromMinutes(5));
                Assert.Equal("the treasure of somebody else", File.ReadAllText(Path.Combine(Treasure, "gold")));
                Assert.Equal("more of the treasure", File.ReadAllText(Path.Combine(Treasure, "3", "w")));
            }
            catch (Exception broken)
            {
                throw new InvalidOperationException($"with FUZZ_SEED={seed}: {broken.Message}", broken);
            }

            foreach (var folder in (string[])["output", "store"])
            {
                Folders.Delete(root, folder);
                Assert.False(Directory.Exists(Path.Combine(root, folder)), $"FUZZ_SEED={seed}: {folder} is not gone");
            }
        }

        said.WriteLine($"seeds {first} to {seed - 1} in {watch.Elapsed.TotalSeconds:0} s");
    }
}
