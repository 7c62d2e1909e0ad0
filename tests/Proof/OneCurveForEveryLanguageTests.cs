using Serverless.Core.Logs;
using Serverless.Core.Metrics;
using Serverless.Core.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Proof;

/// <summary>
/// Python that knows nothing but folders and lines, on real workers that it ends with kill -9: what people see is what it logged once.
/// </summary>
public sealed class OneCurveForEveryLanguageTests
{
    private const int Steps = 60, SaveEvery = 15;

    private static readonly TimeSpan ShortLease = TimeSpan.FromSeconds(1), Patience = TimeSpan.FromMinutes(5);

    // After how many steps somebody dies: some of them soon after a checkpoint, most of them when a worker has taken it and seen steps of after it.
    private static readonly int[] Kills = [24, 29, 32, 43, 57];

    private const string Program = """
        import json, os, signal, sys, time
        form, naming, notes, kills = sys.argv[1], sys.argv[2], sys.argv[3], [int(word) for word in sys.argv[4].split(',')]
        output, resume, run = os.environ['EXP_OUTPUT'], os.environ.get('EXP_RESUME'), os.environ['EXP_RUN_ID']

        def log(step, name, value):
            line = json.dumps({'step': step, name: value}) if form == 'file' else f'step {step} {name}={value}'
            if form == 'printed': print(line, flush=True)
            else:
                with open(output + '/metrics.jsonl', 'a') as file: file.write(line + '\n')

        def save(done):
            name = done // 15 if naming == 'epochs' else done
            folder = f'{output}/checkpoints/.{name}.tmp'
            os.mkdir(folder)
            with open(folder + '/state', 'w') as file: file.write(str(done))
            os.rename(folder, f'{output}/checkpoints/{name}')

        def worker():
            process = os.getppid()
            while process > 1:
                with open(f'/proc/{process}/cmdline') as file:
                    if 'agent\0--data' in file.read(): return process
                with open(f'/proc/{process}/stat') as file: process = int(file.read().rsplit(')', 1)[1].split()[1])
            return os.getpid()

        done = int(open(resume + '/state').read()) if resume else 0
        while done < 60:
            time.sleep(0.12)
            log(done if naming == 'counts' else done + 1, 'loss', 1000 + done)
            done += 1
            if done % 15 == 0:
                log(done // 15 if naming == 'epochs' else done, 'val', done)
                save(done)
            note = f'{notes}/{run}-killed-at-{done}'
            if done in kills and not os.path.exists(note):
                victim = worker()
                open(note, 'w').close()
                os.kill(victim, signal.SIGKILL)
                time.sleep(60)
        """;

    public static bool HasPython { get; } =
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "python3")));

    [Fact(Skip = "there is no python3 here", SkipUnless = nameof(HasPython))]
    public async Task WorkerKilledAgainAndAgain_ShowsEachPointOnce_WhateverTheCheckpointsAreNamedBy()
    {
        await using var rig = new WorkerRig();
        await using var workers = new KeptAlive(rig, count: 2, ShortLease);
        var runs = new List<(string Form, string Naming, string Run)>();
        (string, string)[] kinds = [("printed", "steps"), ("file", "steps"), ("printed", "epochs"), ("file", "epochs"), ("file", "counts")];
        foreach (var (form, naming) in kinds)
        {
            var command = $"python3 train.py {form} {naming} {rig.Folder} {string.Join(',', Kills)}";
            runs.Add((form, naming, await rig.Submit(spec => spec with { Command = command, Retries = new(Lost: 100) }, ("train.py", Program))));
        }

        foreach (var (form, naming, id) in runs)
        {
            var run = await rig.Ended(id, Patience);
            Assert.Equal((RunState.Succeeded, null as string), (run.State, run.Message));
            Assert.Equal(Kills.Length, Directory.GetFiles(rig.Folder, $"{id}-killed-at-*").Length);

            // Otherwise nothing was to be cut.
            Assert.Contains(run.Attempts, attempt => attempt.Resume?.MetricsUpTo is not null);
            var (first, unit) = (naming == "counts" ? 0 : 1, naming == "epochs" ? SaveEvery : 1);
            var loss = Enumerable.Range(0, Steps).Select(done => $"{first + done}={1000 + done}");
            var val = Enumerable.Range(1, Steps / SaveEvery).Select(save => $"{save * SaveEvery / unit}={save * SaveEvery}");
            Assert.Equal((form, naming, string.Join(' ', loss)), (form, naming, await Curve(rig, run, "loss")));
            Assert.Equal((form, naming, string.Join(' ', val)), (form, naming, await Curve(rig, run, "val")));
            Assert.All(run.Checkpoints, checkpoint => Assert.Equal(checkpoint.Step * unit, checkpoint.Values["val"]));
            if (naming == "steps") Assert.All(run.Checkpoints, checkpoint => Assert.Equal(999 + checkpoint.Step, checkpoint.Values["loss"]));
            if ((form, naming) != ("printed", "steps")) continue;
            Assert.Equal(Enumerable.Range(1, Steps).Select(step => $"step {step} loss={999 + step}"), await LossLines(rig, run));
        }
    }

    private static async Task<string> Curve(WorkerRig rig, RunRecord run, string name)
    {
        var curve = (await new MetricsReader(rig.Store).Read(run, new([name], MaxPoints: 10_000))).Series.Single();
        return string.Join(' ', curve.Points.Select(point => $"{point.Step}={point.Value}"));
    }

    private static async Task<IEnumerable<string>> LossLines(WorkerRig rig, RunRecord run)
    {
        var log = new MemoryStream();
        await foreach (var bytes in new LogReader(rig.Store, TimeProvider.System).Read(run, 0, long.MaxValue)) log.Write(bytes);
        return System.Text.Encoding.UTF8.GetString(log.ToArray()).Split('\n').Where(line => line.Contains("loss=", StringComparison.Ordinal));
    }
}
