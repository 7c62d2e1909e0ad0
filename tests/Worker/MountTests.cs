using System.Runtime.InteropServices;
using System.Text;
using Serverless.Core.Storage;
using Serverless.Core.Storage.Plain;
using Serverless.GpuWorker.Execute;
using Serverless.GpuWorker.Prepare;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>
/// Code that may mount things does so in its folders, and what it mounted is not the run's. Everything
/// here, also what is mounted, lies on a disk of the child process's own.
/// </summary>
public sealed class MountTests
{
    [Fact]
    public async Task Removal_TouchesNothingThatIsMounted_AndNamesIt() => await SmallDisk.Run<Remove>();

    [Fact]
    public async Task Removal_TouchesNothing_WhenItIsMountedMeanwhile() => await SmallDisk.Run<RemoveMeanwhile>();

    [Fact]
    public async Task OutputsAndCopies_LeaveOutWhatIsMounted() => await SmallDisk.Run<Collect>();

    [Fact]
    public async Task WhatASetUpLeavesMounted_IsRefused_AndNotTouched() => await SmallDisk.Run<SetUp>();

    [Fact]
    public async Task WhatAPersonMountsBelowData_IsListedAndRead() => await SmallDisk.Run<MountData>();

    [Fact]
    public async Task RunThatMountsAFolder_EndsWithTheFolderAsItWas_AndItsWorkerSaysWhatStays() => await SmallDisk.Run<RunCode>();

    [Fact]
    public async Task WhatIsMountedOnARunsFolder_OrAboveIt_IsNotTouched_AndNoRunBeginsThere() => await SmallDisk.Run<Cover>();

    [Fact]
    public async Task WhatIsMountedOnACache_IsNotTakenForIt() => await SmallDisk.Run<CoverCache>();

    [Fact]
    public async Task RunThatMountsAFolderOverItsWorkers_EndsWithTheFolderAsItWas_AndTheNextRunSaysWhatToDo() => await SmallDisk.Run<CoverWorker>();

    private sealed class Cover : IChildProgram
    {
        public static Task<int> Run(string[] args)
        {
            var disk = new MountedDisk(args[0]);
            disk.File("mine/work/7/output/a result");
            var all = disk.AllOfMine;
            foreach (var covered in (string[])["data", "data/worker", "data/worker/w1", "data/worker/w1/work", "data/worker/w1/work/7"])
            {
                using var said = new LogLines();
                disk.File("data/worker/w1/work/7/output/of the run");
                var worker = new OwnFolder(disk["data/worker/w1"]);
                var folder = new WorkFolder(worker, disk["data/worker/w1/work/7"], said.CreateLogger("Serverless"));

                // What is mounted has folders of the same names, down to the run's.
                var below = covered["data".Length..].Split('/', StringSplitOptions.RemoveEmptyEntries).Length;
                var source = disk.Folder("source" + below);
                var names = new[] { "worker", "w1", "work", "7" }[below..];
                disk.File(Path.Combine([$"source{below}", .. names, "output", "kept"]));
                Assert.True(MountedDisk.TryBind(source, disk[covered]));

                folder.Dispose();
                var refused = Assert.Throws<PreparationException>(folder.Emptied);

                Assert.True(File.Exists(Path.Combine([source, .. names, "output", "kept"])), covered);
                Assert.Equal(
                    (Cause.WorkerLost, true), (refused.Cause, refused.Message.Contains($" a mount at {disk["data"]}", StringComparison.Ordinal)));
                Assert.Contains("was not touched", Assert.Single(said.All), StringComparison.Ordinal);
                disk.UnmountAll();
                folder.Emptied().Dispose();
                Assert.False(Path.Exists(folder.Root));
            }

            Assert.Equal(all, disk.AllOfMine);
            return Task.FromResult(0);
        }
    }

    private sealed class CoverCache : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            var disk = new MountedDisk(args[0]);
            disk.File("mine/ab/abc.seal");
            var all = disk.AllOfMine;
            var before = new FolderCache(disk["cache/setup"], "set-up", TimeProvider.System);
            var inputs = new InputCache(disk["cache/setup"], new Core.SystemIds(TimeProvider.System), TimeProvider.System, InputWay.Copy);
            foreach (var covered in (string[])["cache", "cache/setup"])
            {
                disk.Folder("cache/setup");
                disk.Bind(disk[covered]);
                Assert.Empty(before.Items());
                Assert.Empty(inputs.Items());
                await Assert.ThrowsAsync<PreparationException>(
                    () => before.GetOrMake("k", _ => Task.CompletedTask, _ => { }, CancellationToken.None));

                // Of a worker that started when it was mounted already.
                Assert.Empty(new FolderCache(disk[covered], "set-up", TimeProvider.System).Items());
                Assert.Empty(new InputCache(disk[covered], new Core.SystemIds(TimeProvider.System), TimeProvider.System, InputWay.Copy).Items());
                Assert.Equal(all, disk.AllOfMine);
                disk.UnmountAll();
            }

            using var made = await before.GetOrMake("k", _ => Task.CompletedTask, _ => { }, CancellationToken.None);
            Assert.Single(before.Items());
            return 0;
        }
    }

    private sealed class CoverWorker : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            var disk = new MountedDisk(args[0]);
            var all = disk.AllOfMine;
            await using var rig = new WorkerRig(disk.Folder("data"));
            var worker = await rig.StartWorker();

            var run = await rig.SubmitShell($"echo x > $EXP_OUTPUT/artifacts/own; mount --bind {disk["mine"]} $(realpath ../../..)");
            var ended = await rig.Ended(run);
            var next = await rig.Ended(await rig.SubmitShell("true", spec => spec with { Retries = new(Lost: 0) }));

            Assert.True(ended.State == RunState.Succeeded, $"{ended.Message}\n{await rig.Log(run)}");
            Assert.EndsWith("/own", Assert.Single((await rig.Outputs(ended)).Artifacts).Key, StringComparison.Ordinal);
            Assert.EndsWith(
                $"has a mount at {disk["data/worker/w1"]}, which an earlier run left; unmount it there", next.Message, StringComparison.Ordinal);
            Assert.Equal(all, disk.AllOfMine);

            // Nor does the next worker of that name begin there.
            worker.Kill();
            await worker.Exited();
            var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => rig.StartWorker());
            Assert.Contains($"something is mounted on {disk["data/worker/w1"]}", refused.Message, StringComparison.Ordinal);
            Assert.Equal(all, disk.AllOfMine);
            disk.UnmountAll();
            await rig.StartWorker();
            Assert.Equal(RunState.Succeeded, (await rig.Ended(await rig.SubmitShell("true"))).State);
            return 0;
        }
    }

    private sealed class Remove : IChildProgram
    {
        public static Task<int> Run(string[] args)
        {
            var disk = new MountedDisk(args[0]);
            disk.Bind(disk.Folder("run/b"));
            disk.Bind(disk.Folder("run/deep/er/c"));
            disk.BindFile(disk.File("run/deep/file"));
            var other = disk.Folder("run/other");
            SmallDisk.Mount("-t", "tmpfs", "tmpfs", other);
            File.WriteAllText(Path.Combine(other, "kept"), "");
            disk.File("run/gone/with/the rest");
            var tooDeep = disk.Folder("run/" + string.Join('/', Enumerable.Repeat("d", 70)));
            disk.Bind(tooDeep);
            var said = new List<string>();

            disk.Own.Delete(disk["run"], said.Add);

            disk.IsUntouched();
            Assert.True(File.Exists(Path.Combine(other, "kept")));
            Assert.False(Path.Exists(disk["run/gone"]));
            Assert.Contains(disk["run"], Assert.Single(said), StringComparison.Ordinal);
            Assert.Contains("like 4 more", said[0], StringComparison.Ordinal);

            // A folder on the way to what is to be removed.
            disk.Folder("mine/5");
            Folders.Delete(disk["run"], "b/5");
            Assert.True(Directory.Exists(disk["mine/5"]));
            Directory.Delete(disk["mine/5"]);

            disk.UnmountAll();
            disk.Own.Delete(disk["run"], said.Add);
            Assert.False(Path.Exists(disk["run"]));
            Assert.Single(said);
            disk.IsUntouched();
            return Task.FromResult(0);
        }
    }

    private sealed class RemoveMeanwhile : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            var disk = new MountedDisk(args[0]);
            using var over = new CancellationTokenSource();
            var names = Enumerable.Range(0, 8).Select(at => disk[$"run/a/{at}"]).ToList();
            var mounting = Task.Run(() =>
            {
                var mounted = 0;
                for (var turn = 0; !over.IsCancellationRequested; turn++)
                {
                    if (MountedDisk.TryBind(disk["mine"], names[turn % names.Count])) mounted++;
                    if (turn % 3 == 0) MountedDisk.TryUnmount(names[(turn + 4) % names.Count]);
                }

                return mounted;
            }, CancellationToken.None);
            for (var turn = 0; turn < 300; turn++)
            {
                foreach (var name in names) Directory.CreateDirectory(name);
                disk.File("run/a/last");
                disk.Own.Delete(disk["run"]);
                disk.IsUntouched();
            }

            await over.CancelAsync();
            Assert.True(await mounting > 0);
            return 0;
        }
    }

    private sealed class Collect : IChildProgram
    {
        public static Task<int> Run(string[] args)
        {
            var disk = new MountedDisk(args[0]);
            disk.File("run/artifacts/own");
            disk.Bind(disk.Folder("run/artifacts/b"));
            disk.BindFile(disk.File("run/artifacts/file"));
            disk.Bind(disk.Folder("run/checkpoints"));

            Assert.Equal(
                [("artifacts/b", FileStat.Mounted), ("artifacts/own", null)], Found("artifacts").Where(found => found.Path != "artifacts/file"));
            Assert.Throws<NotPlainException>(() => PlainFile.Open(disk["run"], "artifacts/file"));
            Assert.Throws<NotPlainException>(() => PlainFile.Open(disk["run"], "artifacts/b/kept"));
            Assert.Equal([("checkpoints", FileStat.Mounted)], Found("checkpoints"));

            var leftOut = new List<string>();
            Folders.Copy(disk["run"], disk["copy"], (path, _) => leftOut.Add(path), CancellationToken.None);
            Assert.Equal(["artifacts/b", "artifacts/file", "checkpoints"], leftOut.Order(StringComparer.Ordinal));
            Assert.Equal([disk["copy/artifacts/own"]], Directory.GetFiles(disk["copy"], "*", SearchOption.AllDirectories));

            using var opened = FileCalls.Open(null, FileCalls.Bytes(disk["run/artifacts/b"]), isFolder: true, follow: false, out _);
            Assert.Equal(FileCalls.MountOf(opened!), FileCalls.Look(opened!).Mount);
            return Task.FromResult(0);

            List<(string, string?)> Sorted(IEnumerable<FoundFile> found) =>
                [.. found.Select(file => (file.Path, file.Problem)).OrderBy(file => file.Path, StringComparer.Ordinal)];
            List<(string Path, string? Problem)> Found(string below) => Sorted(PlainTree.Walk(disk["run"], below));
        }
    }

    private sealed class SetUp : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            var disk = new MountedDisk(args[0]);
            var cache = new FolderCache(disk["cache"], "set-up", TimeProvider.System);
            var refused = await Assert.ThrowsAsync<PreparationException>(() => cache.GetOrMake("k", folder =>
            {
                disk.Bind(Directory.CreateDirectory(Path.Combine(folder, "code/data")).FullName);
                CodeUser.TakeBack(folder);
                return Task.CompletedTask;
            }, _ => { }, CancellationToken.None));

            Assert.StartsWith("code/data is mounted", refused.Message, StringComparison.Ordinal);
            disk.IsUntouched();

            // What is left there is nobody's place any more: the next one is made elsewhere, and the mount stays as it is.
            using var made = await cache.GetOrMake("k", _ => Task.CompletedTask, _ => { }, CancellationToken.None);
            Assert.Empty(Directory.GetFileSystemEntries(made.Folder));
            Assert.Single(cache.Items());
            disk.IsUntouched();
            disk.UnmountAll();
            return 0;
        }
    }

    private sealed class MountData : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            var disk = new MountedDisk(args[0]);
            disk.Bind(disk.Folder("workspace/data/b"));
            IObjectStore store = new FolderObjectStore(disk["workspace"], TimeProvider.System);
            Assert.Equal(["data/b/inner/deep", "data/b/kept"], await store.List("data/").Select(found => found.Key).ToListAsync());
            Assert.Equal("mine", Encoding.UTF8.GetString((await store.Get("data/b/kept"))!.Body));
            return 0;
        }
    }

    private sealed class RunCode : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            var disk = new MountedDisk(args[0]);
            await using var rig = new WorkerRig(disk.Folder("data"));
            var worker = await rig.StartWorker();
            var run = await rig.SubmitShell(
                $"for b in b $EXP_OUTPUT/artifacts/b $TMPDIR/b; do mkdir $b; mount --bind {disk["mine"]} $b || exit 1; done; echo x > " +
                "$EXP_OUTPUT/artifacts/own");

            var ended = await rig.Ended(run);
            await worker.Says("was not touched");

            Assert.True(ended.State == RunState.Succeeded, $"{ended.Message}\n{await rig.Log(run)}");
            disk.IsUntouched();
            Assert.EndsWith("/own", Assert.Single((await rig.Outputs(ended)).Artifacts).Key, StringComparison.Ordinal);
            Assert.Contains("artifacts/b", await rig.Log(run), StringComparison.Ordinal);
            Assert.Equal(2, worker.Errors.Split("was not touched").Length);

            // The next worker of that name tries again.
            worker.Kill();
            await worker.Exited();
            disk.UnmountAll();
            await rig.StartWorker();
            await WorkerRig.Until(() => Task.FromResult(Directory.GetDirectories(disk["data/worker"], ".gone-*").Length == 0),
                () => "what the mounts held is there still");
            disk.IsUntouched();
            return 0;
        }
    }

    /// <summary>A disk in memory with a folder <c>mine</c> on it, which is mounted in others of the same disk.</summary>
    private sealed partial class MountedDisk
    {
        private const int BindMount = 4096, Detach = 2;
        private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.GroupRead;
        private readonly string root;

        public MountedDisk(string root)
        {
            this.root = root;
            SmallDisk.Mount("-t", "tmpfs", "tmpfs", root);
            Own = new(root);
            Folder("mine/inner");
            System.IO.File.WriteAllText(this["mine/kept"], "mine");
            System.IO.File.WriteAllText(this["mine/inner/deep"], "mine");
            if (!OperatingSystem.IsWindows()) System.IO.File.SetUnixFileMode(this["mine"], Mode);
            IsUntouched();
        }

        /// <summary>As a worker knew it before anything was mounted in it.</summary>
        public OwnFolder Own { get; }

        public IReadOnlyList<string> AllOfMine =>
            [.. Directory.GetFileSystemEntries(this["mine"], "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

        public string this[string path] => Path.Combine(root, path);

        public string Folder(string path) => Directory.CreateDirectory(this[path]).FullName;

        public string File(string path)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(this[path])!);
            System.IO.File.WriteAllText(this[path], "");
            return this[path];
        }

        public void Bind(string folder) => Assert.True(TryBind(this["mine"], folder));

        public void BindFile(string file) => Assert.True(TryBind(this["mine/kept"], file));

        public static bool TryBind(string source, string target) => mount(source, target, null, BindMount, 0) == 0;

        public static bool TryUnmount(string folder) => umount2(folder, Detach) == 0;

        /// <summary>What is mounted below the disk, the newest first.</summary>
        public void UnmountAll()
        {
            var all = System.IO.File.ReadLines("/proc/self/mountinfo").Select(line => line.Split(' ')[4])
                .Where(at => at.StartsWith(root + "/", StringComparison.Ordinal));
            foreach (var at in all.Reverse()) Assert.True(TryUnmount(at), at);
        }

        public void IsUntouched()
        {
            Assert.Equal("mine", System.IO.File.ReadAllText(this["mine/kept"]));
            Assert.Equal("mine", System.IO.File.ReadAllText(this["mine/inner/deep"]));
            if (!OperatingSystem.IsWindows()) Assert.Equal(Mode, System.IO.File.GetUnixFileMode(this["mine"]));
        }

        [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
        private static extern int mount(string source, string target, string? type, nuint flags, nint data);

        [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
        private static extern int umount2(string target, int flags);
    }
}
