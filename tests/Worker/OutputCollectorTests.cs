using Microsoft.Extensions.Logging.Abstractions;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.GpuWorker.Collect;
using Serverless.GpuWorker.Execute;
using Serverless.Tests.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>When files of a run are sent, and what counts as a change of one.</summary>
public sealed class OutputCollectorTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly MemoryObjectStore store = new(TimeProvider.System);
    private readonly CountingStore counted;
    private readonly Omissions omissions = new(_ => { });
    private readonly OutputCollector outputs;

    public OutputCollectorTests()
    {
        Directory.CreateDirectory(folder["artifacts"]);
        counted = new(store);
        outputs = new(counted, Some.Run(), folder.Path, omissions, new(TimeProvider.System, NullLogger.Instance));
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task FileRewrittenWithTheSameLengthAndTime_IsKeptAsItIs()
    {
        await Write("a", "before");
        var time = File.GetLastWriteTimeUtc(folder["artifacts/a"]);
        await outputs.UploadSettled(Cancel);
        await outputs.UploadSettled(Cancel);
        Assert.Equal(1, counted.Puts);

        await Write("a", "after!");
        File.SetLastWriteTimeUtc(folder["artifacts/a"], time);

        Assert.Equal("after!", await Kept("a"));
    }

    [Fact]
    public async Task FileReplacedByAnotherOfTheSameLengthAndTime_IsKeptAsItIs()
    {
        await Write("a", "before");
        await outputs.UploadSettled(Cancel);
        await outputs.UploadSettled(Cancel);
        await Write("b", "after!");
        File.SetLastWriteTimeUtc(folder["artifacts/b"], File.GetLastWriteTimeUtc(folder["artifacts/a"]));
        File.Move(folder["artifacts/b"], folder["artifacts/a"], overwrite: true);

        Assert.Equal("after!", await Kept("a"));
    }

    [Fact]
    public async Task FileThatGrowsAllTheTime_IsSentThreeTimesAtMost_CountedInItsLength()
    {
        const int Piece = 1 << 19, Pieces = 200;
        await using (var file = File.Create(folder["artifacts/log"]))
        {
            for (var i = 0; i < Pieces; i++)
            {
                file.Write(new byte[Piece]);
                file.Flush();
                await outputs.UploadSettled(Cancel);
                await outputs.UploadSettled(Cancel);
            }
        }

        await outputs.Finish(publish: true, Cancel);

        Assert.InRange(counted.Puts, 5, 60);
        Assert.InRange(counted.Bytes, Pieces * Piece, 3L * Pieces * Piece + (64L << 20));
    }

    [Fact]
    public async Task FileThatIsGone_IsGoneFromTheStoreToo()
    {
        await Write("a", "x");
        await outputs.UploadSettled(Cancel);
        await outputs.UploadSettled(Cancel);
        Assert.Single(await store.List("", cancel: Cancel).ToListAsync(Cancel));

        File.Delete(folder["artifacts/a"]);

        Assert.Null(await outputs.Finish(publish: true, Cancel));
        Assert.Empty(await store.List("", cancel: Cancel).ToListAsync(Cancel));
    }

    [Fact]
    public async Task WhatIsMendedByTheEnd_IsKept_AndIsNotLeftOut()
    {
        File.CreateSymbolicLink(folder["artifacts/a"], "/etc/hostname");
        await outputs.UploadSettled(Cancel);
        Assert.Equal("artifacts/a", Assert.Single(omissions.Summary!.Files).Path);
        File.Delete(folder["artifacts/a"]);
        await Write("a", "mended");

        Assert.Equal("mended", await Kept("a"));
        Assert.Null(omissions.Summary);
    }

    [Fact]
    public async Task MoreThanARecordShouldHold_IsCounted()
    {
        for (var i = 0; i < 6000; i++) File.CreateSymbolicLink(folder[$"artifacts/{i}"], "/etc/hostname");
        await outputs.UploadSettled(Cancel);
        await outputs.UploadSettled(Cancel);
        await outputs.Finish(publish: true, Cancel);

        Assert.Equal((LeftOut.MaxFiles, 6000), (omissions.Summary!.Files.Count, omissions.Summary.Count));
    }

    [Fact]
    public void LinesOfAPipeThatNeverEnd_AreCutAndDoNotFillMemory()
    {
        using var pipe = new Endless(1L << 31, "first\n");
        using var lines = new BoundedLines(pipe);
        Assert.Equal("first", lines.ReadLine());
        Assert.Equal(BoundedLines.MaxBytes, lines.ReadLine()!.Length);
        Assert.Null(lines.ReadLine());
    }

    private Task Write(string name, string content) => File.WriteAllTextAsync(folder["artifacts/" + name], content, Cancel);

    private async Task<string> Kept(string name)
    {
        var manifest = (await store.Get((await outputs.Finish(publish: true, Cancel))!, cancel: Cancel))!.Json<OutputManifest>();
        var file = manifest.Artifacts.Single(file => file.Path == name);
        return System.Text.Encoding.UTF8.GetString((await store.Get(file.Key, cancel: Cancel))!.Body);
    }

    private sealed class CountingStore(IObjectStore inner) : IObjectStore
    {
        public int Puts { get; private set; }

        public long Bytes { get; private set; }

        public Task<PutResult> Put(string key, Stream body, PutCondition condition = default, IReadOnlyDictionary<string, string>? metadata = null,
            CancellationToken cancel = default)
        {
            Puts++;
            Bytes += body.Length - body.Position;
            return inner.Put(key, body, condition, metadata, cancel);
        }

        public Task<StoreAnswer<StoredObject?>> Head(string key, CancellationToken cancel = default) => inner.Head(key, cancel);

        public Task<ObjectReading?> Open(string key, ByteRange? range = null, CancellationToken cancel = default) => inner.Open(key, range, cancel);

        public Task<AppendResult> Append(string key, long expectedOffset, ReadOnlyMemory<byte> bytes, CancellationToken cancel = default) =>
            inner.Append(key, expectedOffset, bytes, cancel);

        public Task<PutResult> Copy(string from, string to, PutCondition condition = default, CancellationToken cancel = default) =>
            inner.Copy(from, to, condition, cancel);

        public Task<DeleteOutcome> Delete(string key, string? ifMatch = null, CancellationToken cancel = default) =>
            inner.Delete(key, ifMatch, cancel);

        public IAsyncEnumerable<StoredObject> List(string prefix, string? after = null, CancellationToken cancel = default) =>
            inner.List(prefix, after, cancel);
    }

    /// <summary>A text, and then one line that is as long as it can be.</summary>
    private sealed class Endless(long length, string first) : MemoryStream(System.Text.Encoding.UTF8.GetBytes(first))
    {
        private long left = length;

        public override int Read(byte[] buffer, int offset, int count)
        {
            if (base.Read(buffer, offset, count) is var read and > 0) return read;
            read = (int)Math.Min(count, left);
            buffer.AsSpan(offset, read).Fill((byte)'x');
            left -= read;
            return read;
        }
    }
}
