using System.Text;
using System.Text.Json;
using Serverless.Contract;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Tests.Support;

/// <summary>Runs and their streams, as workers leave them.</summary>
static class SampleRuns
{
    public static readonly DateTimeOffset Noon = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    public static RunRecord Run(string id = "0000000000000000000000001R", RunState state = RunState.Running, params Attempt[] attempts) => new()
    {
        Id = id,
        Project = "pruning",
        Experiment = "mlp",
        Version = 1,
        Key = "key-of-" + id,
        Spec = new()
        {
            Code = new("zip", "tree"),
            Command = "train.cs",
            Machine = "cpu",
            Params = new Dictionary<string, JsonElement> { ["lr"] = JsonSerializer.SerializeToElement(0.1) },
        },
        Created = Noon,
        State = state,
        Epoch = attempts is [.., { Epoch: var epoch }] ? epoch : 0,
        Attempts = attempts,
    };

    /// <param name="resume">The checkpoint it started from.</param>
    public static Attempt Attempt(int epoch, CheckpointRef? resume = null, StreamCursor? metrics = null, StreamCursor? logs = null) =>
        new(epoch, $"worker-{epoch}", Noon, resume, metrics is null && logs is null ? null : Noon, null, metrics, logs);

    public static CheckpointRef Checkpoint(int epoch, long step, StreamCursor metrics, StreamCursor logs) =>
        new(epoch, step, $"manifest-{epoch}-{step}", 1, Noon, metrics, logs, new Dictionary<string, double>());

    public static byte[] Segment(string name, params long[] steps)
    {
        var bytes = new byte[8 + MetricStream.MaxNameFrameBytes + (steps.Length * MetricStream.PointBytes)];
        MetricStream.Header.CopyTo(bytes);
        var length = 8 + MetricStream.WriteName(bytes.AsSpan(8), 1, name);
        foreach (var step in steps) length += MetricStream.WritePoint(bytes.AsSpan(length), 1, step, step * 1_000_000, step / 10.0);
        return bytes[..length];
    }

    public static Task PutMetrics(IObjectStore store, RunRecord run, int epoch, int segment, byte[] bytes) =>
        store.Put(WorkspacePaths.MetricsSegment(run.Id, epoch, segment), bytes);

    public static async Task AppendLog(IObjectStore store, RunRecord run, int epoch, int segment, string text)
    {
        var key = WorkspacePaths.LogSegment(run.Id, epoch, segment);
        var length = (await store.Head(key)).Value?.LengthBytes ?? 0;
        Assert.True((await store.Append(key, length, Encoding.UTF8.GetBytes(text))).Appended);
    }
}
