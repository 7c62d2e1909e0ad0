using System.Diagnostics;
using Serverless.Core.Storage;

namespace Serverless.Bench.Measures;

/// <summary>The writes that every change of a run consists of.</summary>
sealed class StoreCalls : IMeasure
{
    private const int BodyBytes = 2048, AppendBytes = 256;

    public string Name => "store";
    public string What => "durable writes of the embedded object store";

    public async Task<IReadOnlyList<Row>> Run(Bench bench, CancellationToken cancel)
    {
        await bench.Down();
        var count = bench.Times(500, 20);
        var folder = bench.NewFolder("store");
        var store = new FolderObjectStore(folder, bench.Time);
        var body = new byte[BodyBytes];
        var put = await Timed(count, i => store.Put($"new/{i:D6}", body, PutCondition.IfAbsent, cancel: cancel));
        var etag = (await store.Put("one", body, cancel: cancel)).Object!.ETag;
        var match = await Timed(count, async _ => etag = (await store.Put("one", body, PutCondition.IfMatch(etag), cancel: cancel)).Object!.ETag);
        var offset = 0L;
        var append = await Timed(count, async _ => offset = (await store.Append("log", offset, body.AsMemory(0, AppendBytes), cancel)).LengthBytes);
        var bare = Path.Combine(folder, "bare");
        var floor = await Timed(count, i =>
        {
            using var file = new FileStream($"{bare}-{i}", FileMode.CreateNew);
            file.Write(body);
            file.Flush(flushToDisk: true);
            return Task.CompletedTask;
        });
        var beside = new Baseline("one file written and fsynced", floor);
        return
        [
            new($"put if absent, {BodyBytes} bytes", "ms", put, Row.P95, beside),
            new($"put if match, {BodyBytes} bytes", "ms", match, Row.P95, beside),
            new($"append, {AppendBytes} bytes", "ms", append, Row.P95),
        ];
    }

    private static async Task<Samples> Timed(int count, Func<int, Task> act)
    {
        for (var i = 0; i < Math.Min(20, count); i++) await act(-1 - i);
        var times = new List<double>();
        for (var i = 0; i < count; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await act(i);
            times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        return new(times);
    }
}
