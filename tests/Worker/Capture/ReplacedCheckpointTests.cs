using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.GpuWorker.Collect;
using Serverless.Tests.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker.Capture;

/// <summary>Code that writes its checkpoint under one number again and again, each time another folder that is renamed into place.</summary>
public sealed class ReplacedCheckpointTests : IDisposable
{
    private readonly TemporaryFolder output = new();

    public void Dispose() => output.Dispose();

    [Fact]
    public async Task ACheckpointThatIsReplacedWhileItIsRead_IsNeverCommittedAsAMixture()
    {
        var time = new FakeTimeProvider(SampleRuns.Noon);
        var (memory, made) = (new MemoryObjectStore(time), new List<CheckpointRef>());
        var stored = 0;
        var watched = new FailingWrites(memory, new MemoryMessageBus(time, TimeSpan.FromMinutes(1)));
        var checkpoints = new CheckpointCollector(
            watched.Store, Some.Run() with { Epoch = 1 }, output.Path, [], new(_ => { }), new(time, NullLogger.Instance), time, () => StreamMark.Start,
            (_, _, _) => Task.FromResult(new StreamCut(StreamCursor.Start, null, StreamCursor.Start, new Dictionary<string, double>())),
            _ => Task.FromResult<IReadOnlyList<KeptOutput>>([]), (checkpoint, _) =>
            {
                made.Add(checkpoint);
                return Task.FromResult(true);
            });
        Write("1");
        watched.Writing = _ =>
        {
            if (++stored == 3) Write("2");
        };
        for (var look = 0; look < 6; look++)
        {
            await checkpoints.Collect(atEnd: false, CancellationToken.None);
            time.Advance(TimeSpan.FromSeconds(1.1));
        }

        var manifest = (await memory.Get(Assert.Single(made).Manifest, cancel: TestContext.Current.CancellationToken))!.Json<CheckpointManifest>();
        Assert.Equal(10, manifest.Files.Count);
        foreach (var file in manifest.Files)
        {
            var piece = await memory.Get(file.Chunks[0].Key, cancel: TestContext.Current.CancellationToken);
            Assert.Equal($"2-{file.Path}", System.Text.Encoding.UTF8.GetString(piece!.Body));
        }
    }

    private void Write(string generation)
    {
        Directory.CreateDirectory(output["checkpoints"]);
        var (folder, next) = (output["checkpoints/5"], output[$"checkpoints/.{generation}"]);
        Directory.CreateDirectory(next);
        for (var file = 0; file < 10; file++) File.WriteAllText(Path.Combine(next, $"f{file}"), $"{generation}-f{file}");
        if (Directory.Exists(folder)) Directory.Move(folder, output[$"checkpoints/.old{generation}"]);
        Directory.Move(next, folder);
    }
}
