using System.Diagnostics;
using System.Globalization;
using System.Text;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Proof;

/// <summary>
/// Code that does what it can to outlive its worker. What is left is counted by a secret number among the arguments of all that it started; nothing
/// else about a process tells whose it is.
/// </summary>
public sealed class OrphanedCodeTests
{
    private static readonly TimeSpan ShortLease = TimeSpan.FromSeconds(1);

    /// <summary>More tries by hand.</summary>
    private static readonly int Tries = int.Parse(Environment.GetEnvironmentVariable("KILL_TRIES") ?? "1", CultureInfo.InvariantCulture);

    public enum Victim
    {
        /// <summary>Its runner sees it and ends the code.</summary>
        Worker,

        /// <summary>The code has stopped the runner before.</summary>
        WorkerOfAStoppedRunner,

        /// <summary>Nobody is left who could end the code.</summary>
        WorkerAndRunner,
    }

    public static bool HasGroups => ControlGroupsAreHere();

    [Theory(Skip = "without control groups, code that cleared its environment is not found", SkipUnless = nameof(HasGroups))]
    [InlineData(Victim.Worker)]
    [InlineData(Victim.WorkerOfAStoppedRunner)]
    [InlineData(Victim.WorkerAndRunner)]
    public async Task WorkerKilled_NothingOfItsCodeIsThere_OnceTheNextWorkerHasStarted(Victim victim)
    {
        for (var turn = 0; turn < Tries; turn++)
        {
            await using var rig = new WorkerRig();
            var secret = Secret();
            var worker = await rig.StartWorker("w1", ShortLease);
            var run = await rig.SubmitShell(Program(secret, victim == Victim.WorkerOfAStoppedRunner ? "kill -STOP $PPID" : ""));
            await rig.LogHas(run, "begun");
            Assert.True(Survivors(secret).Count >= 9, $"not all of the code began: {string.Join(", ", Survivors(secret))}");

            if (victim == Victim.WorkerAndRunner) KillWithRunner(worker);
            else worker.Kill();
            await worker.Exited();
            await rig.StartWorker(turn % 2 == 0 ? "w2" : "w1", ShortLease);

            await NoneIsLeft(secret, turn);
            Assert.Equal((RunState.Succeeded, 2), ((await rig.Ended(run)).State, (await rig.Load(run)).Epoch));
        }
    }

    /// <summary>kill -9 of `exp up`, its worker and the runner, in the same moment.</summary>
    [Fact(Skip = "without control groups, code that cleared its environment is not found", SkipUnless = nameof(HasGroups))]
    public async Task PlatformKilledWithAllItsProcesses_ItsNextStartEndsTheCode()
    {
        for (var turn = 0; turn < Tries; turn++)
        {
            await using var platform = await ExpPlatform.Start(workers: 1);
            await using var rig = new WorkerRig(platform.Data);
            var secret = Secret();
            var run = await rig.SubmitShell(Program(secret));
            await rig.LogHas(run, "begun");

            KillTree(platform.Up.Process.Id, depth: 2);
            await platform.Up.Process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.NotEmpty(Survivors(secret));
            platform.Up.Dispose();
            await platform.StartUp(workers: 1);

            await NoneIsLeft(secret, turn);
            Assert.Equal(RunState.Succeeded, (await rig.Ended(run)).State);
        }
    }

    // In the background, in a session of its own without an environment, forked twice, and each of them stopped as well.
    private static string Program(string secret, string then = "") => $$"""
        [ $EXP_ATTEMPT = 1 ] || exit 0
        sleep {{secret}} &
        sleep {{secret}} 0 &
        setsid sleep {{secret}} &
        env -i setsid sleep {{secret}} &
        env -i setsid sleep {{secret}} 0 &
        env -i setsid sh -c 'sleep {{secret}} & sleep {{secret}} 0 &'
        (env -i setsid sh -c '(sleep {{secret}} &) ; (sleep {{secret}} 0 &)' &)
        until [ $(pgrep -fc '^sleep {{secret}}') = 9 ]; do sleep 0.02; done
        kill -STOP $(pgrep -f '^sleep {{secret}} 0$')
        {{then}}
        echo begun; sleep {{secret}}
        """;

    private static Task NoneIsLeft(string secret, int turn) =>
        WorkerRig.Until(() => Task.FromResult(Survivors(secret).Count == 0), () => $"try {turn}: {string.Join(", ", Survivors(secret))} is left");

    // For sleep it is a length of time.
    private static string Secret() => $"1000.{Convert.ToUInt64(Nonce(), 16).ToString(CultureInfo.InvariantCulture)}";

    private static string Nonce() => new SystemIds(TimeProvider.System).Nonce();

    private static List<string> Survivors(string secret)
    {
        var found = new List<string>();
        foreach (var folder in Directory.GetDirectories("/proc").Where(folder => Path.GetFileName(folder).All(char.IsAsciiDigit)))
        {
            try
            {
                // Of the dead nothing is left to read.
                var words = Encoding.UTF8.GetString(File.ReadAllBytes(Path.Combine(folder, "cmdline"))).Split('\0');
                if (words.Contains(secret)) found.Add($"{Path.GetFileName(folder)} ({string.Join(' ', words).Trim()})");
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                // Nobody's any more.
            }
        }

        return found;
    }

    private static void KillWithRunner(WorkerProcess worker) => KillTree(worker.ProcessId, depth: 1);

    // From the top, all stopped before the first dies: none can react to the end of another.
    private static void KillTree(int root, int depth)
    {
        List<int> all = [root];
        for (int level = 0, from = 0; level <= depth; level++)
        {
            var to = all.Count;
            foreach (var id in all[from..to])
            {
                Signal("-STOP", id);
                if (level < depth) all.AddRange(Children(id));
            }

            from = to;
        }

        foreach (var id in all) Signal("-KILL", id);
    }

    private static IEnumerable<int> Children(int id) => Directory.GetDirectories($"/proc/{id}/task")
        .SelectMany(thread => File.ReadAllText($"{thread}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Select(child => int.Parse(child, CultureInfo.InvariantCulture));

    private static void Signal(string signal, int id)
    {
        using var process = Process.Start("kill", [signal, id.ToString(CultureInfo.InvariantCulture)]);
        process.WaitForExit();
    }

    private static bool ControlGroupsAreHere() => GpuWorker.Execute.ControlGroups.Open($"tests:{Nonce()}", out _) is not null;
}
