using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Tests.Support;

namespace Serverless.Tests.Cli;

public sealed class DeadLettersCommandTests(SharedPlatform shared)
{
    private ExpPlatform Platform => shared.Platform;

    [Fact]
    public async Task WhatAWorkerPutAside_IsListedShownAndSentAgain()
    {
        const string Id = "no-wake:1";
        using (var bus = new SqliteMessageBus(Path.Combine(Platform.Data, "bus", "bus.db"), TimeProvider.System, new SystemIds(TimeProvider.System)))
        {
            await bus.Send(QueueNames.ForMachine("cpu"), new(Id, "hello"), cancel: TestContext.Current.CancellationToken);
        }

        await Eventually.True(async () => (await Platform.Exp("dead-letters", "list"))
            .Output.Contains(Id, StringComparison.Ordinal), ExpProcess.Patience, () => "the letter is not listed");
        var shown = await Platform.Json("dead-letters", "show", Id);
        Assert.Equal(("hello", "not a wake for a run", "runs-cpu"),
            (shown.GetProperty("body").GetString(), shown.GetProperty("reason").GetString(), shown.GetProperty("queue").GetString()));
        Assert.Contains("hello", (await Platform.Exp("dead-letters", "show", Id)).Output, StringComparison.Ordinal);

        Assert.Equal("Sent no-wake:1 to runs-cpu again\n", (await Platform.Exp("dead-letters", "requeue", Id)).Output);

        // Nothing was mended, so the worker puts it aside again.
        await Eventually.True(
            async () => (await Platform.Json("dead-letters", "list")).EnumerateArray().Any(letter =>
                letter.GetProperty("id").GetString() == Id && letter.GetProperty("at").GetString() != shown.GetProperty("at").GetString()),
            ExpProcess.Patience, () => "the letter did not come back");
    }

    [Fact]
    public async Task ALetterThatIsNotThere_ExitsWithFour() => Assert.Equal(4, (await Platform.Exp("dead-letters", "show", "none")).ExitCode);
}
