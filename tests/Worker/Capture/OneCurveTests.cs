using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Serverless.Contract;
using Serverless.Core.Metrics;
using Serverless.Core.Runs;
using Serverless.Core.Workspaces;
using Serverless.GpuWorker.Collect;
using Serverless.GpuWorker.Prepare;
using Serverless.Tests.Fuzz;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker.Capture;

/// <summary>
/// Code without the SDK that logs, saves checkpoint folders and dies: readers see each point of a straight run once, whenever the worker looked.
/// </summary>
public sealed class OneCurveTests
{
    [Fact]
    public Task AnyOrderOfLogsSavesLooksAndDeaths_ShowsTheCurvesOfAStraightRun() => FuzzRun.Of(60, async random =>
    {
        using var training = new Training(random);
        await training.RunToItsEnd();
        foreach (var (name, steps) in training.Expected())
        {
            Assert.Equal((name, steps), (name, string.Join(" ", await training.Steps(name))));
        }
    });

    /// <summary>Saved before it was logged: the attempt that resumes does not log it again, and it was committed in between.</summary>
    [Fact]
    public async Task StepThatIsLoggedAfterItsCheckpoint_IsNotLost()
    {
        using var training = new Training(null);
        await training.Begin();
        await training.Log("loss", 1, 2);
        training.Save(3);
        await training.Commits();
        await training.Log("loss", 3, 4);
        await training.Begin();
        await training.Log("loss", 4, 5);
        await training.End();
        Assert.Equal([1, 2, 3, 4, 5], await training.Steps("loss"));
    }

    /// <summary>
    /// What the dead attempt measured last is not measured again: it is in the curve, also when a later attempt dies before its end, or ends at once.
    /// </summary>
    [Fact]
    public async Task MetricThatIsNotLoggedAgain_KeepsWhatWasLoggedAboutTheCheckpoint()
    {
        using var training = new Training(null);
        await training.Begin();
        await training.Log("loss", 1, 2);
        await training.Log("once", 2);
        training.Save(2);
        await training.Log("loss", 3);
        await training.Commits();
        await training.Begin();
        await training.Log("loss", 3, 4);
        training.Save(4);
        await training.Commits();
        await training.Begin();
        await training.End();
        Assert.Equal([2], await training.Steps("once"));
        Assert.Equal([1, 2, 3, 4], await training.Steps("loss"));
    }

    /// <summary>A program of three metrics, which goes on behind the save that it resumes from, and its workers.</summary>
    private sealed class Training : IDisposable
    {
        private const int Last = 40;

        private readonly TemporaryFolder root = new();
        private readonly Mutator? random;
        private readonly FakeTimeProvider time = new(SampleRuns.Noon);
        private readonly MemoryObjectStore store;
        private readonly List<(string? Name, long Step)> program = [];
        private readonly Dictionary<long, int> resumesAt = [];
        private readonly HashSet<string> printed = ["loss"];
        private readonly List<string> history = [];
        private bool keepsHistory;
        private RunRecord run = SampleRuns.Run();
        private Worker? worker;

        public Training(Mutator? random)
        {
            this.random = random;
            store = new(time);
            if (random is not null) Write(random);
        }

        public IEnumerable<(string Name, string Steps)> Expected() => program.Where(line => line.Name is not null).GroupBy(line => line.Name!)
            .Select(metric => (metric.Key, string.Join(" ", metric.Select(line => line.Step.ToString(CultureInfo.InvariantCulture)))));

        public async Task<IEnumerable<long>> Steps(string name)
        {
            var curve = (await new MetricsReader(store).Read(run, new([name], MaxPoints: 10_000))).Series.SingleOrDefault();
            return curve?.Points.Select(point => point.Step) ?? [];
        }

        /// <summary>Another worker takes the run. Of the one before nothing is heard any more.</summary>
        public async Task Begin()
        {
            worker?.Dispose();
            run = run with { Epoch = run.Epoch + 1, Attempts = [.. run.Attempts, SampleRuns.Attempt(run.Epoch + 1, run.Head)] };
            worker = new(this);
            var retry = new Retry(time, NullLogger.Instance);
            worker.Metrics.Carry(
                await EarlierAttempt.PointsAround(store, run, CancellationToken.None), new(store, run, retry, CancellationToken.None));
            history.Clear();
            if (!keepsHistory || run.Head is not { } head) return;
            history.AddRange(program.Take(resumesAt[head.Step]).Where(line => line.Name is not null && !printed.Contains(line.Name))
                .Select(line => Line(line.Name!, line.Step)));
        }

        public async Task Log(string name, params int[] steps)
        {
            foreach (var step in steps) LogOne(name, step);
            time.Advance(TimeSpan.FromSeconds(1.1));
            await worker!.Metrics.Collect(atEnd: false, CancellationToken.None);
        }

        public void Save(long name)
        {
            var folder = Path.Combine(worker!.Folder.Checkpoints, $".{name}.tmp");
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, "state"), "x");
            Directory.Move(folder, Path.Combine(worker.Folder.Checkpoints, $"{name}"));
        }

        public async Task Commits()
        {
            for (var look = 0; look < 2; look++)
            {
                time.Advance(TimeSpan.FromSeconds(1.1));
                await worker!.Checkpoints.Collect(atEnd: false, CancellationToken.None);
            }
        }

        public async Task End()
        {
            await worker!.Metrics.Collect(atEnd: true, CancellationToken.None);
            await worker.Checkpoints.Collect(atEnd: true, CancellationToken.None);
            run = run with { Attempts = [.. run.Attempts.SkipLast(1), run.Attempts[^1] with { Metrics = worker.Metrics.End }] };
        }

        public async Task RunToItsEnd()
        {
            for (var deaths = random!.Below(8); ; deaths--)
            {
                await Begin();
                if (await Train(maydie: deaths > 0)) return;
            }
        }

        public void Dispose()
        {
            worker?.Dispose();
            root.Dispose();
        }

        // Folders are named by steps, by epochs, by samples, or by the number of steps where those are counted from 0.
        private void Write(Mutator random)
        {
            var (naming, every) = (random.Below(4), random.Below(5) + 2);
            if (random.Below(2) == 0) printed.Add("val");
            if (random.Below(2) == 0) printed.Remove("loss");
            keepsHistory = random.Below(2) == 0;
            for (var step = 1; step <= Last; step++)
            {
                program.Add(("loss", naming == 3 ? step - 1 : step));
                if (step % 3 == 0) program.Add(("lr", step));
                if (step % every != 0) continue;
                program.Add(("val", naming == 1 ? step / every : step));
                var name = naming switch { 1 => step / every, 2 => step * 64, _ => step };
                resumesAt[name] = program.Count + 1;
                program.Add((null, name));
            }
        }

        // False: it died.
        private async Task<bool> Train(bool maydie)
        {
            var at = run.Head is { } head ? resumesAt[head.Step] : 0;
            while (at < program.Count)
            {
                switch (random!.Below(12))
                {
                    case < 6:
                        if (program[at] is { Name: { } name } line) LogOne(name, line.Step);
                        else Save(program[at].Step);
                        at++;
                        break;
                    case < 8:
                        await worker!.Metrics.Collect(atEnd: false, CancellationToken.None);
                        break;
                    case < 10:
                        await worker!.Checkpoints.Collect(atEnd: false, CancellationToken.None);
                        break;
                    case 10:
                        time.Advance(TimeSpan.FromMilliseconds(random.Below(1500)));
                        break;
                    case 11 when maydie && random.Below(3) == 0:
                        return false;
                }
            }

            await End();
            return true;
        }

        private void LogOne(string name, long step)
        {
            var line = Line(name, step);
            if (printed.Contains(name)) worker!.Log.Write(CaptureRig.Bytes(line));
            else if (!keepsHistory) File.AppendAllText(worker!.Folder.MetricsJsonl, line);
            else
            {
                history.Add(line);
                File.WriteAllText(worker!.Folder.MetricsJsonl, string.Concat(history));
            }
        }

        private static string Line(string name, long step) => FormattableString.Invariant($"{{\"step\":{step},\"{name}\":{step}}}\n");

        private sealed class Worker : IDisposable
        {
            public Worker(Training of)
            {
                var (store, run, time) = (of.store, of.run, of.time);
                var retry = new Retry(time, NullLogger.Instance);
                var printed = new PrintedPoints(time);
                Folder = new WorkFolder(new(of.root.Path), of.root[$"work{run.Epoch}"], NullLogger.Instance).Emptied();
                var logs = new SegmentWriter(store, segment => WorkspacePaths.LogSegment(run.Id, run.Epoch, segment), retry);
                var points = new SegmentWriter(store, segment => WorkspacePaths.MetricsSegment(run.Id, run.Epoch, segment), retry);
                Log = new(logs, printed, time, CaptureRig.LogLimit);
                Metrics = new(Folder, points, Log, printed, time, MetricOrder.Of(run.Spec));
                Checkpoints = new(
                    store, run, Folder.Output, [], new(_ => { }), retry, time, () => new(Metrics.Collected, Log.KeptBytes),
                    async (save, _, cancel) =>
                    {
                        var (end, latest) = await Metrics.PlaceOf(save, cancel);
                        return new(save.Before.Metrics, end, await Log.PlaceOf(save, cancel), latest);
                    },
                    _ => Task.FromResult<IReadOnlyList<KeptOutput>>([]), (made, stay) =>
                    {
                        of.run = of.run with { Head = made, Checkpoints = [.. of.run.Checkpoints.Where(one => stay.Contains(one.Manifest)), made] };
                        return Task.FromResult(true);
                    });
            }

            public WorkFolder Folder { get; }
            public LogCollector Log { get; }
            public MetricCollector Metrics { get; }
            public CheckpointCollector Checkpoints { get; }

            public void Dispose()
            {
                Metrics.Dispose();
                Log.Dispose();
                Folder.Dispose();
            }
        }
    }
}
