using Serverless.Core.Runs;
using Serverless.Core.Workspaces;

namespace Serverless.Tests.Runs;

public sealed class CheckpointRetentionTests
{
    [Fact]
    public void KeptBeside_LastBestAndEvery_AreAddedUp()
    {
        var retention = new CheckpointRetention { Keep = 3, Best = new("acc", Goal.Maximize), Every = 10 };

        // The accuracy rises to step 7 and falls again.
        Assert.Equal([7, 10, 18, 19, 20], Survivors(retention, step => -Math.Abs(step - 7)));
    }

    [Fact]
    public void KeptBeside_Minimize_PassesOverWhatIsNotANumber() =>
        Assert.Equal([2, 20], Survivors(new() { Keep = 1, Best = new("acc", Goal.Minimize) }, step => step == 1 ? double.NaN : step));

    [Fact]
    public void KeptBeside_BestOfAMetricThatNobodyLogs_IsNothing() =>
        Assert.Equal([19, 20], Survivors(new() { Keep = 2, Best = new("other", Goal.Minimize) }, step => step));

    [Fact]
    public void KeptBeside_ByDefault_TheLastFiveStay() => Assert.Equal([16, 17, 18, 19, 20], Survivors(new(), step => step));

    [Fact]
    public void KeptBeside_EveryStep_KeepsAll() => Assert.Equal(20, Survivors(new() { Keep = 1, Every = 1 }, step => step).Count);

    private static List<long> Survivors(CheckpointRetention retention, Func<long, double> accuracy)
    {
        List<CheckpointRef> all = [];
        for (var step = 1; step <= 20; step++)
        {
            var made = new CheckpointRef(
                1, step, WorkspacePaths.CheckpointManifest("r", 1, step), 1, DateTimeOffset.UnixEpoch, StreamCursor.Start, StreamCursor.Start,
                new Dictionary<string, double> { ["acc"] = accuracy(step) });
            var stay = retention.KeptBeside(all, made);
            all = [.. all.Where(checkpoint => stay.Contains(checkpoint.Manifest)), made];
        }

        return [.. all.Select(checkpoint => checkpoint.Step)];
    }
}
