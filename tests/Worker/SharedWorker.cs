using Serverless.Core.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>One worker for all tests of a class: whatever the runs do to it, it must take the next one.</summary>
public sealed class SharedWorker : IAsyncLifetime
{
    internal WorkerRig Rig { get; } = new();
    internal WorkerProcess Worker { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Worker = await Rig.StartWorker(spares: 1);

    public ValueTask DisposeAsync() => Rig.DisposeAsync();

    /// <summary>The worker has to be the same process still, and take a run.</summary>
    internal async Task LivesOn()
    {
        Assert.False(Worker.HasExited, Worker.Errors);
        Assert.Equal(RunState.Succeeded, (await Rig.Ended(await Rig.SubmitShell("true"))).State);
    }
}
