using System.Globalization;
using System.Text;
using Serverless.Core.Storage;
using Serverless.Tests.Support;

namespace Serverless.Tests.Storage;

/// <summary>Processes that write into one folder, and are killed while they do.</summary>
public sealed class FolderKillTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task WritersKilledAnywhere_LeaveWholeVersionsAndWholeAppends_AndNothingAcknowledgedIsLost()
    {
        var random = new Random(7);
        for (var round = 0; round < 12; round++)
        {
            await using var first = ChildProcess.Start<Writer>(folder.Path, "a", round.ToString(CultureInfo.InvariantCulture));
            await using var second = ChildProcess.Start<Appender>(folder.Path, "b");
            var said = await Task.WhenAll(
                Watch(first, random.Next(1, 40), TimeSpan.FromMilliseconds(random.NextDouble() * 5)),
                Watch(second, random.Next(1, 10), TimeSpan.FromMilliseconds(random.NextDouble() * 5)));
            var store = new FolderObjectStore(folder.Path, TimeProvider.System);
            await CheckAll(store);
            foreach (var (name, lines) in new[] { ("a", said[0]), ("b", said[1]) }) await CheckAcknowledged(store, name, lines);
        }

        Assert.NotEmpty(Directory.GetFiles(folder["put"]));
    }

    [Fact]
    public async Task WhatKilledWritersLeft_IsRemovedByTheNextOne()
    {
        for (var round = 0; round < 3; round++)
        {
            await using var child = ChildProcess.Start<Writer>(folder.Path, "a", round.ToString(CultureInfo.InvariantCulture));
            await Watch(child, 10, TimeSpan.Zero);
        }

        // The first put of a process sweeps, behind it.
        var left = Directory.GetDirectories(folder[".store/tmp"]);
        Assert.NotEmpty(left);
        var store = new FolderObjectStore(folder.Path, TimeProvider.System);
        await store.Put("put/mine", Writer.Version(1), PutCondition.Always, new Dictionary<string, string> { ["n"] = "1" }, Cancel);
        await Until(() => !left.Any(Directory.Exists));
        Assert.Empty(Directory.GetFiles(Directory.GetDirectories(folder[".store/tmp"]).Single()));
        await Until(() => Sidecars() <= 5);
        await CheckAll(store);
    }

    [Fact]
    public async Task ACounterIncrementedByProcesses_LosesNothing()
    {
        var store = new FolderObjectStore(folder.Path, TimeProvider.System);
        await store.Put("counter", "0"u8, cancel: Cancel);
        await using var first = ChildProcess.Start<Counter>(folder.Path, "150");
        await using var second = ChildProcess.Start<Counter>(folder.Path, "150");
        await first.Success();
        await second.Success();
        var counted = (await store.Get("counter", cancel: Cancel))!;
        Assert.Equal("300", Encoding.UTF8.GetString(counted.Body));
        Assert.Equal("300", counted.Object.Metadata["n"]);
    }

    public void Dispose() => folder.Dispose();

    private int Sidecars() => Directory.GetFiles(folder[".store/meta"], "*", SearchOption.AllDirectories).Length;

    // Lets it write until it has said so many lines, kills it a moment later, and returns all that it said.
    private static async Task<List<string[]>> Watch(ChildProcess child, int lines, TimeSpan moment)
    {
        List<string[]> said = [];
        while (await child.ReadLine() is { } line)
        {
            // A line that was cut off by the kill lacks its end.
            if (line.EndsWith(" .", StringComparison.Ordinal)) said.Add(line.Split(' ')[..^1]);
            if (said.Count != lines) continue;
            await Task.Delay(moment, TimeProvider.System, Cancel);
            await child.Kill();
        }

        if (said.Count < lines) await child.Success();
        Assert.True(said.Count >= lines, "the writer ended by itself");
        return said;
    }

    private static async Task CheckAll(FolderObjectStore store)
    {
        await foreach (var listed in store.List("", cancel: Cancel))
        {
            var got = (await store.Get(listed.Key, cancel: Cancel))!;
            Assert.Equal(listed.ETag, got.Object.ETag);
            Assert.Equal(got.Object.LengthBytes, got.Body.Length);
            if (listed.Key.Contains("log", StringComparison.Ordinal)) CheckLog(got.Body);
            else CheckVersion(got);
        }
    }

    private static void CheckVersion(ObjectContent got)
    {
        var n = int.Parse(got.Object.Metadata["n"], CultureInfo.InvariantCulture);
        Assert.True(Writer.Version(n).AsSpan().SequenceEqual(got.Body), $"{got.Object.Key} with the metadata of version {n} has another body");
    }

    private static void CheckLog(byte[] body)
    {
        Assert.Equal(0, body.Length % Writer.BlockBytes);
        for (var at = 0; at < body.Length; at += Writer.BlockBytes)
        {
            Assert.False(body.AsSpan(at, Writer.BlockBytes).ContainsAnyExcept(Writer.FillOf(at)), $"the append at {at} holds something else");
        }
    }

    private static async Task CheckAcknowledged(FolderObjectStore store, string name, List<string[]> said)
    {
        if (said.LastOrDefault(line => line[0] == "put") is [_, var put])
        {
            var n = int.Parse((await store.Head($"put/{name}", Cancel)).Value!.Metadata["n"], CultureInfo.InvariantCulture);
            Assert.True(n >= int.Parse(put, CultureInfo.InvariantCulture), $"version {put} was acknowledged; found is {n}");
        }

        if (said.LastOrDefault(line => line[0] == "append") is [_, var append])
        {
            var length = (await store.Head($"log/{name}", Cancel)).Value?.LengthBytes ?? 0;
            Assert.True(length >= long.Parse(append, CultureInfo.InvariantCulture), $"{append} bytes were acknowledged");
        }
    }

    private static async Task Until(Func<bool> condition)
    {
        while (!condition()) await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Cancel);
    }

    /// <summary>
    /// Puts versions that tell from their metadata what their body must be, copies and deletes them, and appends blocks that tell where they belong.
    /// </summary>
    private sealed class Writer : IChildProgram
    {
        public const int BlockBytes = 300_000;

        public static byte[] Version(int n)
        {
            var body = new byte[(n * 7919L % 200_000) + 1];
            new Random(n).NextBytes(body);
            return body;
        }

        public static byte FillOf(long offset) => (byte)((offset / BlockBytes) % 251);

        public static async Task<int> Run(string[] args)
        {
            var name = args[1];
            var start = int.Parse(args[2], CultureInfo.InvariantCulture) * 100_000;
            IObjectStore store = new FolderObjectStore(args[0], TimeProvider.System);
            for (var n = start; ; n++)
            {
                var metadata = new Dictionary<string, string> { ["n"] = n.ToString(CultureInfo.InvariantCulture) };
                if ((await store.Put($"put/{name}", Version(n), PutCondition.Always, metadata)).Stored) Say($"put {n}");
                await store.Put("put/other", Version(n), PutCondition.Always, metadata);
                await Append(store, $"log/{name}", blocks: 1, most: 20);
                await store.Copy("put/other", $"copies/of/{name}");
                if (n % 4 == 0) await store.Delete($"copies/of/{name}");
            }
        }

        public static async Task Append(IObjectStore store, string key, int blocks, int most)
        {
            var end = (await store.Head(key)).Value?.LengthBytes ?? 0;
            if (end >= most * BlockBytes)
            {
                Say("append 0");
                await store.Delete(key);
                end = 0;
            }

            var bytes = new byte[blocks * BlockBytes];
            for (var i = 0; i < blocks; i++) bytes.AsSpan(i * BlockBytes, BlockBytes).Fill(FillOf(end + ((long)i * BlockBytes)));
            var appended = await store.Append(key, end, bytes);
            if (!appended.Appended)
            {
                throw new InvalidOperationException($"nobody else appends to {key}, and it ends at {appended.LengthBytes} instead of {end}");
            }

            Say($"append {appended.LengthBytes}");
        }

        private static void Say(string what) => Console.WriteLine(what + " .");
    }

    /// <summary>Does nothing but append as much at once as it may, so that it is killed in the middle of one now and then.</summary>
    private sealed class Appender : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            IObjectStore store = new FolderObjectStore(args[0], TimeProvider.System);
            while (true) await Writer.Append(store, $"log/{args[1]}", blocks: 13, most: 39);
        }
    }

    private sealed class Counter : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            var store = new FolderObjectStore(args[0], TimeProvider.System);
            for (var n = 0; n < int.Parse(args[1], CultureInfo.InvariantCulture); n++) await ObjectStoreContract.Increment(store, "counter", default);
            return 0;
        }
    }
}
