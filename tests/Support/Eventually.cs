namespace Serverless.Tests.Support;

/// <summary>Waits for what another process brings about.</summary>
static class Eventually
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <param name="what">Describes what did not come.</param>
    public static Task True(Func<bool> condition, TimeSpan patience, Func<string> what) => True(() => Task.FromResult(condition()), patience, what);

    public static async Task True(Func<Task<bool>> condition, TimeSpan patience, Func<string> what)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(began) > patience) throw new TimeoutException($"not within {patience.TotalSeconds:0} s: {what()}");
            await Task.Delay(Pause, TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }
}
