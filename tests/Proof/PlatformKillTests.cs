using System.Globalization;
using Serverless.Core.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Proof;

public sealed class PlatformKillTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>
    /// kill -9 of `exp up`, once while the run is queued and then in the middle of training, each time followed by another start. Its worker outlives it for as long as it takes to notice, and
    /// the next start's worker waits for the same queue meanwhile.
    /// </summary>
    [Fact]
    public async Task PlatformKilledAgainAndAgain_TheRunEndsAsIfNothingHadHappened()
    {
        int[] kills = [7, 14, 21];
        await using var platform = await ExpPlatform.Start(workers: 1);
        await using var rig = new WorkerRig(platform.Data);
        var run = await DyingTraining.Submit(rig, "platform", kills);
        platform.Up.Process.Kill();

        for (var starts = 0; starts <= kills.Length; starts++)
        {
            await platform.Up.Process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
            platform.Up.Dispose();
            await platform.StartUp(workers: 1);
            if (starts < kills.Length) await TellWhomToKill(rig, platform.Up.Process.Id);
        }

        var ended = await rig.Ended(run, Patience);
        Assert.Equal(kills.Length, DyingTraining.Kills(rig, run));
        Assert.All(ended.Attempts.SkipLast(1), attempt => Assert.True(attempt.Cause is Cause.Preempted or Cause.WorkerLost, $"{attempt.Cause}"));
        await DyingTraining.EndedAsIfNothingHadHappened(rig, ended);
        Assert.Contains($"step {DyingTraining.Steps} lost", (await platform.Exp("logs", run)).Output, StringComparison.Ordinal);
    }

    private static async Task TellWhomToKill(WorkerRig rig, int process)
    {
        var written = Path.Combine(rig.Folder, "platform.tmp");
        await File.WriteAllTextAsync(written, process.ToString(CultureInfo.InvariantCulture));
        File.Move(written, Path.Combine(rig.Folder, "platform.pid"));
    }
}
