using Serverless.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Serverless.GpuWorker.Agent;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>What an agent does beside its work goes on, whatever a turn throws.</summary>
public sealed class PeriodicTaskTests : IDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1), Longest = TimeSpan.FromSeconds(5);

    private readonly FakeTimeProvider time = new();
    private readonly LogLines said = new(LogLevel.Information);

    public void Dispose() => said.Dispose();

    public static TheoryData<Type> Anything =>
        [typeof(IOException), typeof(UnauthorizedAccessException), typeof(OperationCanceledException), typeof(TaskCanceledException),
            typeof(NullReferenceException), typeof(OutOfMemoryException),
            typeof(ObjectDisposedException), typeof(System.Text.Json.JsonException), typeof(AggregateException),
            typeof(Core.Storage.StoreFullException)];

    [Theory]
    [MemberData(nameof(Anything))]
    public async Task WhateverATurnThrows_TheNextOneComes_AndEachTroubleIsSaidOnce(Type thrown)
    {
        var turns = 0;
        using var end = new CancellationTokenSource();
        var running = new PeriodicTask("renewing", time, said.CreateLogger("Serverless")).Run(Turn, Every, Longest, end.Token);

        await Until(() => turns == 6);
        await end.CancelAsync();
        await running;

        Assert.Equal(2, said.All.Count);
        Assert.Contains($"warning: renewing fails: {FaultText.Of(Make(thrown))}", said.All[0], StringComparison.Ordinal);
        Assert.EndsWith("renewing succeeds again", said.All[1], StringComparison.Ordinal);

        Task<bool> Turn() => ++turns is 2 or 3 or 4 ? throw Make(thrown) : Task.FromResult(true);
    }

    [Fact]
    public async Task TurnsThatFail_ComeLaterEachTime_ButNeverLaterThanTheLongestPause()
    {
        var began = time.GetUtcNow();
        var at = new List<double>();
        using var end = new CancellationTokenSource();
        var running = new PeriodicTask("renewing", time, said.CreateLogger("Serverless")).Run(Turn, Every, Longest, end.Token);

        await Until(() => at.Count == 7);
        await end.CancelAsync();
        await running;

        Assert.Equal([1, 3, 7, 12, 17, 18, 19], at);

        Task<bool> Turn()
        {
            at.Add((time.GetUtcNow() - began).TotalSeconds);
            return at.Count <= 4 ? throw new IOException("away") : Task.FromResult(true);
        }
    }

    [Fact]
    public async Task ATurnThatHasEnough_EndsIt()
    {
        var turns = 0;
        await new PeriodicTask("renewing", time, said.CreateLogger("Serverless")).Run(
            () => Task.FromResult(++turns == 0), Every, Longest, CancellationToken.None, atOnce: true);
        Assert.Equal(1, turns);
    }

    private async Task Until(Func<bool> isSo)
    {
        for (var tries = 0; !isSo(); tries++)
        {
            Assert.True(tries < 1000, "the next turn does not come");
            time.Advance(Every);
            await Task.Yield();
        }
    }

    private static Exception Make(Type type)
    {
        var made = type.GetConstructors().OrderBy(one => one.GetParameters().Length)
            .First(one => one.GetParameters() is [{ ParameterType: var first }, ..] && first == typeof(string));
        return (Exception)made.Invoke([.. made.GetParameters().Select((parameter, at) => at == 0 ? "x" : null)]);
    }
}
