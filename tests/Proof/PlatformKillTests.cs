using System.Globalization;
using Serverless.Core.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Proof;

public sealed class PlatformKillTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>
    /// kill -9 of `exp up`, once while the run is queued and then in the middle of training, each time followed by another start. Its worker outlives
    /// it for as long as it takes to notice, and the next start's worker waits for the same queue meanwhile.
    /// </summary>
    [Fact]
    public async Task PlatformKilledAgainAndAgain_TheRunEndsAsIfNothingHadHappened()
    {
        // Where the kill comes before the step's checkpoint: code that is told to leave before it has noted the kill comes there again.
        int[] kills = [5, 13, 20];
        await using var platform = await ExpPlatform.Start(workers: 1);
        await using var rig = new WorkerRig(platform.Data);
        var run = await DyingTraining.Submit(rig, "platform", kills);
        platform.Up.Process.Kill();

        RunRecord ended;
        var begun = TimeProvider.System.GetTimestamp();
        while (!(ended = await rig.Load(run)).State.IsTerminal)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(begun) < Patience, $"{run} is {ended.State} ({ended.Cause}: {ended.Message})");
            await StartAgainIfDead(platform);
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        }

        Assert.Equal(kills.Length, DyingTraining.Kills(rig, run));
        Assert.All(ended.Attempts.SkipLast(1), attempt => Assert.True(attempt.Cause is Cause.Preempted or Cause.WorkerLost, $"{attempt.Cause}"));
        await DyingTraining.EndedAsIfNothingHadHappened(rig, ended);
        await StartAgainIfDead(platform);
        Assert.Contains($"step {DyingTraining.Steps} lost", (await platform.Exp("logs", run)).Output, StringComparison.Ordinal);
    }

    private static async Task StartAgainIfDead(ExpPlatform platform)
    {
        if (!platform.Up.Process.HasExited) return;
        var told = Path.Combine(platform.Data, "platform.pid");
        File.Delete(told);
        platform.Up.Dispose();
        await platform.StartUp(workers: 1);

        // For the training, which kills it.
        await File.WriteAllTextAsync(told + ".tmp", platform.Up.Process.Id.ToString(CultureInfo.InvariantCulture));
        File.Move(told + ".tmp", told);
    }
}
