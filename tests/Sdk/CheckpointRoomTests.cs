using Serverless.Checkpoints;
using Serverless.Contract;
using Serverless.Tests.Support;

namespace Serverless.Tests.Sdk;

/// <summary>Checkpoints where disk or memory is short.</summary>
public sealed class CheckpointRoomTests
{
    private static readonly (string File, string Content)[] Machine = [("proc/meminfo",
        "MemTotal:       24000000 kB\nMemFree:  1000 kB\nMemAvailable:    8000 kB\n")];

    /// <summary>A disk of its own with 64 MB: two checkpoints of 20 MB fit beside what is left for everybody else.</summary>
    [Fact]
    public Task DiskWithoutRoom_LeavesCheckpointsOut_UntilThereIsRoomAgain() => SmallDisk.Run<OnASmallDisk>();

    /// <summary>The kernel refuses memory for a copy; the same files are written all the same.</summary>
    [Fact]
    public async Task MemoryWithoutRoom_WritesTheSameFilesWithoutACopy()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "limits of the address space work on Linux");
        using var folder = new SdkRunFolder();
        var outcome = await folder.Run(SdkProgram.Of("""
            using var model = nn.Linear(4000, 4000);
            using var optimizer = optim.SGD(model.parameters(), 0.1);
            run.Log("a", 1, 1);
            var used = ulong.Parse(File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmSize:")).Where(char.IsDigit).ToArray()) * 1024;
            Limit(used + (32 << 20));
            Console.WriteLine(run.SaveCheckpoint(1, model, optimizer) && Directory.Exists(Path.Combine(run.Output, "checkpoints/1")));
            Console.WriteLine(run.SaveCheckpoint(2, model, optimizer));
            Limit(ulong.MaxValue);
            Console.WriteLine(run.SaveCheckpoint(3, model, optimizer));

            void Limit(ulong bytes)
            {
                [System.Runtime.InteropServices.DllImport("libc")] static extern int setrlimit(int resource, ulong[] nowAndMost);
                if (setrlimit(9, [bytes, ulong.MaxValue]) != 0) throw new Exception("no limit");
            }
            """));

        Assert.Equal(["True", "True", "True"], outcome.Succeeded().Lines.Where(line => line[0] != LogMarker.Prefix[0]));
        Assert.Matches(
            "^checkpoint 1 is written without a copy: one needs [0-9.]+ MB of memory, which is not free; saves block training for longer\n$",
            outcome.Errors);
        foreach (var file in (string[])[CheckpointFiles.Model, CheckpointFiles.Optimizer, CheckpointFiles.Rng])
        {
            var copied = await File.ReadAllBytesAsync(Path.Combine(folder.Checkpoint(3), file), TestContext.Current.CancellationToken);
            Assert.Equal(copied, await File.ReadAllBytesAsync(Path.Combine(folder.Checkpoint(1), file), TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public void Memory_WithoutALimit_IsWhatTheMachineHas() => Assert.Equal(8_192_000, Free(Machine));

    [Fact]
    public void Memory_OfAMachineThatDoesNotSay_IsUnknown() => Assert.Null(Free([]));

    [Fact]
    public void Memory_UnderALimit_IsWhatTheTightestGroupLeaves_WithWhatCanBeDropped() => Assert.Equal(2_500_000, Free([
        .. Machine,
        ("proc/self/cgroup", "0::/runs/one\n"),
        ("sys/fs/cgroup/runs/one/memory.max", "max\n"), ("sys/fs/cgroup/runs/one/memory.current", "1000000\n"),
        ("sys/fs/cgroup/runs/memory.max", "5000000\n"), ("sys/fs/cgroup/runs/memory.current", "3000000\n"),
        ("sys/fs/cgroup/runs/memory.stat", "anon 2500000\ninactive_file 500000\nactive_file 1\n"),
    ]));

    [Fact]
    public void Memory_UnderALimitOfTheOlderKind_IsFoundInTheMemoryGroup() => Assert.Equal(300, Free([
        .. Machine,
        ("proc/self/cgroup", "5:devices:/\n4:cpu,memory:/docker/1f\n0::/\n"),
        ("sys/fs/cgroup/memory/docker/1f/memory.limit_in_bytes", "1000\n"), ("sys/fs/cgroup/memory/docker/1f/memory.usage_in_bytes", "900\n"),
        ("sys/fs/cgroup/memory/docker/1f/memory.stat", "inactive_file 1\ntotal_inactive_file 200\n"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"), ("sys/fs/cgroup/memory/memory.usage_in_bytes", "5000\n"),
    ]));

    [Fact]
    public void Memory_InAContainerWhoseGroupLeadsOutside_IsLimitedByTheMountsRoot() => Assert.Equal(100, Free([
        .. Machine, ("proc/self/cgroup", "0::/../outside\n"), ("sys/fs/cgroup/memory.max", "1000\n"), ("sys/fs/cgroup/memory.current", "900\n"),
    ]));

    private static long? Free((string File, string Content)[] files)
    {
        using var root = new TemporaryFolder();
        foreach (var (file, content) in files)
        {
            var path = Path.Combine(root.Path, file);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, content);
        }

        return FreeSpace.InMemory(root.Path);
    }

    private sealed class OnASmallDisk : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            SmallDisk.Mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", args[0]);
            var outcome = await SdkProgram.Of("""
                using var model = nn.Linear(2236, 2236, hasBias: false);
                bool Save(long step)
                {
                    var saved = run.SaveCheckpoint(step, model);
                    Run.Shutdown();
                    return saved;
                }
                Console.WriteLine($"{Save(1)} {Save(2)} {Save(3)} {Save(4)} {run.CheckpointsLeftOut}");
                Directory.Delete(Path.Combine(run.Output, "checkpoints/1"), recursive: true);
                Console.WriteLine($"{Save(5)} {run.CheckpointsLeftOut}");
                """).Run(args[0], [(ContractNames.Output, args[0])]);

            Assert.Equal(["True True False False 2", "True 2"], outcome.Succeeded().Lines.Where(line => line[0] != LogMarker.Prefix[0]));
            var lines = outcome.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(2, lines.Length);
            Assert.Matches(
                "^checkpoint 3 is left out: it needs 3[0-9.]+ MB of disk and 2[0-9.]+ MB are free; the training goes on, and checkpoint 2 is what " +
                "it can go on from$", lines[0]);
            Assert.Equal("checkpoint 5 is saved again; 2 before it were left out", lines[1]);
            Assert.Equal(["2", "5"], Directory.GetDirectories(Path.Combine(args[0], "checkpoints")).Select(path => Path.GetFileName(path)).Order());
            return 0;
        }
    }
}
