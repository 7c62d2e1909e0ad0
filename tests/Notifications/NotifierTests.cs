using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Serverless.Core;
using Serverless.Core.Datasets;
using Serverless.Core.Events;
using Serverless.Core.Messaging;
using Serverless.Core.Notifications;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Triggers;
using Serverless.Core.Workspaces;
using Serverless.Tests.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Notifications;

/// <summary>From an event to a receiver, over a real connection; the clock is set by hand.</summary>
public sealed class NotifierTests : IAsyncLifetime, IWorkspaces
{
    private const string Team = "team";

    private readonly FakeTimeProvider time = new(Some.Noon);
    private readonly MemoryObjectStore store;
    private readonly MemoryMessageBus bus;
    private readonly Notifier notifier;
    private readonly WebhookSender sender;
    private readonly LogLines log = new();
    private Receiver receiver = null!;

    public NotifierTests()
    {
        store = new(time);
        Platform = new MemoryObjectStore(time);
        bus = new(time, Some.LeaseLength);
        sender = new(new(AllowPrivate: true), time);
        var ids = new SystemIds(time);
        notifier = new(this, bus, sender, time, ids, log: new Logger<Notifier>(new LoggerFactory([log])));
    }

    public IObjectStore Platform { get; }

    public IObjectStore Open(string workspace) => store;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => receiver = await Receiver.Start();

    public async ValueTask DisposeAsync()
    {
        await receiver.DisposeAsync();
        sender.Dispose();
    }

    [Fact]
    public async Task AFailedRun_IsToldWithWhatPeopleAsk_AndASignatureThatStandardLibrariesAccept()
    {
        var webhook = await Add("/ci");

        await notifier.Notify(await Ended("failed"), Cancel);
        await Deliver();

        var told = Assert.Single(receiver.All);
        var run = told.Json.GetProperty("run");
        Assert.Equal(
            ("run.failed", "pruning/prune-mlp v1 failed (user-code)", "run-1", "user-code"),
            (told.Json.GetProperty("type").GetString(), told.Json.GetProperty("text").GetString(), run.GetProperty("id").GetString(),
                run.GetProperty("cause").GetString()));
        var signed = Encoding.UTF8.GetBytes($"{told.Id}.{told.Headers["webhook-timestamp"]}.{Encoding.UTF8.GetString(told.Body)}");
        var expected = HMACSHA256.HashData(Convert.FromBase64String(webhook.Secret["whsec_".Length..]), signed);
        Assert.Equal($"v1,{Convert.ToBase64String(expected)}", told.Headers["webhook-signature"]);
        Assert.Equal(Some.Noon.ToUnixTimeSeconds(), long.Parse(told.Headers["webhook-timestamp"], null));
    }

    [Fact]
    public async Task AReceiverThatFails_IsTriedAgain_WithTheSameIdAndBody()
    {
        await Add("/ci");
        receiver.Plan("/ci", 500, 503);

        await notifier.Notify(await Ended("succeeded"), Cancel);
        await Deliver();
        await Deliver();
        Assert.Single(receiver.All);
        await DeliverAfter(TimeSpan.FromSeconds(5));
        Assert.Equal(2, receiver.All.Count);
        await DeliverAfter(TimeSpan.FromSeconds(30));
        await DeliverAfter(TimeSpan.FromDays(1));

        Assert.Equal(3, receiver.All.Count);
        Assert.Single(receiver.All.Select(request => request.Id).Distinct());
        Assert.Single(receiver.All.Select(request => Convert.ToHexString(request.Body)).Distinct());
        Assert.Empty((await notifier.Webhooks.Undelivered("workspace", Team, 10, Cancel)).Found);
    }

    /// <summary>What is held back meanwhile is no try of its own.</summary>
    [Fact]
    public async Task AReceiverThatIsSilent_IsAskedOnceInAWhile_AndGetsEverythingWhenItAnswers()
    {
        await Add("/ci");
        receiver.Answers = new();
        await notifier.Notify(await Ended("succeeded"), Cancel);
        await Silence();
        Assert.Single(receiver.All);
        for (var more = 0; more < 5; more++) await notifier.Notify(new DatasetPublished("workspace", "digits", more + 1, "abcdef0123456789"), Cancel);

        await Deliver();
        Assert.Single(receiver.All);
        receiver.Answers.SetResult();
        for (var i = 0; i < 3; i++) await DeliverAfter(TimeSpan.FromSeconds(5));

        Assert.Equal(7, receiver.All.Count);
        Assert.Equal(6, receiver.All.Select(request => request.Id).Distinct().Count());
        Assert.Equal(0, await bus.Count(QueueNames.Webhooks, Cancel));
    }

    [Fact]
    public async Task AReceiverThatIsSlow_HoldsFewPlaces_AndMissesNothing()
    {
        await Add("/ci");
        receiver.Answers = new();
        for (var one = 1; one <= 6; one++) await notifier.Notify(new DatasetPublished("workspace", "digits", one, "abcdef0123456789"), Cancel);

        // Those that find a place wait for the answer; the others go back, without having been tried.
        var places = Enumerable.Range(0, 6).Select(_ => DeliverOne()).ToList();
        for (var back = 0; back < 4; back++)
        {
            var ended = await Task.WhenAny(places).WaitAsync(TimeSpan.FromMinutes(1), Cancel);
            places.Remove(ended);
            await ended;
        }

        Assert.Equal(2, receiver.All.Count);
        receiver.Answers.SetResult();
        await Task.WhenAll(places);
        await DeliverAfter(WebhookSender.Patience);
        Assert.Equal(6, receiver.All.Select(request => request.Json.GetProperty("dataset").GetProperty("version").GetInt32()).Distinct().Count());
    }

    [Fact]
    public async Task AReceiverThatIsSilentForDays_IsGivenUp_AndWhatItDidNotTakeIsKept()
    {
        await Add("/ci");
        receiver.Answers = new();
        await notifier.Notify(await Ended("succeeded"), Cancel);
        await notifier.Notify(new DatasetPublished("workspace", "digits", 1, "abcdef0123456789"), Cancel);

        while (await bus.Count(QueueNames.Webhooks, Cancel) > 0)
        {
            time.Advance(TimeSpan.FromHours(1));
            await Silence();
        }

        Assert.Equal(2, (await notifier.Webhooks.Undelivered("workspace", Team, 10, Cancel)).Found.Count);
    }

    [Fact]
    public async Task AReceiverThatFailsAgainAndAgain_IsSaidOnce_AndNotAtItsFirstFailures()
    {
        await Add("/ci");
        receiver.Plan("/ci", [.. Enumerable.Repeat(500, 20)]);
        await notifier.Notify(await Ended("succeeded"), Cancel);
        await notifier.Notify(new DatasetPublished("workspace", "digits", 1, "abcdef0123456789"), Cancel);
        await Deliver();
        await DeliverAfter(TimeSpan.FromMinutes(1));
        Assert.Empty(log.All);

        for (var more = 0; more < 3; more++) await DeliverAfter(TimeSpan.FromHours(1));
        Assert.Contains("fails again and again: 500", Assert.Single(log.All), StringComparison.Ordinal);
    }

    /// <summary>The first wait without a Retry-After is five seconds; a day is the longest.</summary>
    [Theory]
    [InlineData(false, 120, 120), InlineData(true, 120, 120), InlineData(false, 1, 5), InlineData(true, 1, 5), InlineData(true, -60, 5), InlineData(
        false, 999_999, 86_400), InlineData(true, 999_999, 86_400)]
    public async Task AReceiverThatSaysWhenToTryAgain_IsLeftAloneUntilThen(bool asDate, int askedSeconds, int waitedSeconds)
    {
        await Add("/ci");
        receiver.Plan("/ci", 429);
        receiver.RetryAfter = asDate ? Some.Noon.AddSeconds(askedSeconds).ToString("R") : $"{askedSeconds}";

        await notifier.Notify(await Ended("succeeded"), Cancel);
        await Deliver();
        await DeliverAfter(TimeSpan.FromSeconds(waitedSeconds) - TimeSpan.FromTicks(1));
        Assert.Single(receiver.All);
        await DeliverAfter(TimeSpan.FromTicks(1));
        Assert.Equal(2, receiver.All.Count);
    }

    [Theory]
    [InlineData("soon"), InlineData("-5"), InlineData("1.5"), InlineData("99999999999999999999")]
    public async Task ARetryAfterThatIsNone_ChangesNothing(string said)
    {
        await Add("/ci");
        receiver.Plan("/ci", 503);
        receiver.RetryAfter = said;

        await notifier.Notify(await Ended("succeeded"), Cancel);
        await Deliver();
        await DeliverAfter(TimeSpan.FromSeconds(5));
        Assert.Equal(2, receiver.All.Count);
    }

    [Fact]
    public async Task WhatIsNotTakenForADay_IsPutAsideWithTheReason_AndCanBeSentAgain()
    {
        await Add("/ci");
        receiver.Plan("/ci", [.. Enumerable.Repeat(404, 9)]);

        await notifier.Notify(await Ended("succeeded"), Cancel);
        for (var tries = 0; tries < 20; tries++) await DeliverAfter(TimeSpan.FromHours(20));

        var left = Assert.Single((await notifier.Webhooks.Undelivered("workspace", Team, 10, Cancel)).Found);
        Assert.Equal(("404 Not Found: no such channel", 8, 8), (left.Reason, left.Attempts, receiver.All.Count));

        // The ninth request fails as well, and keeps what the tenth delivers.
        Assert.True(await notifier.Redeliver("workspace", Team, left.Id, Cancel));
        await Deliver();
        Assert.Single((await notifier.Webhooks.Undelivered("workspace", Team, 10, Cancel)).Found);
        await DeliverAfter(TimeSpan.FromSeconds(5));
        Assert.Equal(10, receiver.All.Count);
        Assert.Empty((await notifier.Webhooks.Undelivered("workspace", Team, 10, Cancel)).Found);
        Assert.False(await notifier.Redeliver("workspace", Team, left.Id, Cancel));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"formatVersion\":7}")]
    public async Task AWebhookThatCannotBeRead_GetsItsNoticeOnceItCan_AndOthersAtOnce(string damage)
    {
        await Add("/a", "a");
        await Add("/failures", "failures", ["run.failed"]);
        await Add("/whole", "whole");
        string[] broken = [PlatformPaths.Webhook("workspace", "a"), PlatformPaths.Webhook("workspace", "failures")];
        var records = new List<byte[]>();
        foreach (var key in broken)
        {
            records.Add((await Platform.Get(key, cancel: Cancel))!.Body);
            await Platform.Put(key, Encoding.UTF8.GetBytes(damage), cancel: Cancel);
        }

        await notifier.Notify(await Ended("succeeded"), Cancel);
        await Deliver();
        Assert.Equal("/whole", Assert.Single(receiver.All).Path);

        for (var i = 0; i < broken.Length; i++) await Platform.Put(broken[i], records[i], cancel: Cancel);
        await DeliverAfter(TimeSpan.FromMinutes(1));
        Assert.Equal(["/a", "/whole"], receiver.All.Select(request => request.Path).Order());
        Assert.Equal(0, await bus.Count(QueueNames.Webhooks, Cancel));
    }

    [Fact]
    public async Task AWebhookThatIsNeverReadAgain_KeepsItsNoticesAsUndelivered()
    {
        await Add("/ci");
        await Platform.Put(PlatformPaths.Webhook("workspace", Team), ""u8, cancel: Cancel);

        await notifier.Notify(await Ended("succeeded"), Cancel);
        for (var tries = 0; tries < 20; tries++) await DeliverAfter(TimeSpan.FromHours(20));

        Assert.Contains("is damaged: it is empty", Assert.Single((await notifier.Webhooks.Undelivered("workspace", Team, 10, Cancel)).Found).Reason,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnEventThatComesTwice_IsToldOnce()
    {
        await Add("/ci");
        var ended = await Ended("succeeded");

        await notifier.Notify(ended, Cancel);
        await notifier.Notify(ended, Cancel);
        await Deliver();

        Assert.Single(receiver.All);
        Assert.Equal(0, await bus.Count(QueueNames.Webhooks, Cancel));
    }

    [Fact]
    public async Task OnlyWhatAWebhookWants_IsSentToIt()
    {
        await Add("/failures", "failures", ["run.failed"]);
        await Add("/runs", "runs", ["run.*"]);
        await Add("/others", "others", project: "another");
        await Add("/cnn", "cnn", experiment: "prune-cnn");
        await Add("/mlp", "mlp", project: "pruning", experiment: "prune-mlp");

        await notifier.Notify(await Ended("succeeded"), Cancel);
        await notifier.Notify(new DatasetPublished("workspace", "digits", 3, "abcdef0123456789"), Cancel);
        await Deliver();

        Assert.Equal(["/mlp", "/runs"], receiver.All.Select(request => request.Path).Order());
    }

    [Theory]
    [InlineData(FiringOutcome.Submitted, "trigger.submitted", "trigger cnn-after-mlp submitted pruning/prune-cnn, because of run 01ABC")]
    [InlineData(FiringOutcome.Stopped, "trigger.stopped", "trigger cnn-after-mlp was stopped: a loop, because of run 01ABC")]
    [InlineData(FiringOutcome.Failed, "trigger.failed", "trigger cnn-after-mlp failed: params.lr: wanted a number, because of run 01ABC")]
    public async Task WhatATriggerDid_IsTold(FiringOutcome outcome, string type, string text)
    {
        await Add("/ci", project: "pruning");
        var firing = new Firing(
            "0123456789abcdef0123456789abcdef", "cnn-after-mlp", "g1", new TriggerEvent.RunEnd("01ABC"), ["cnn-after-mlp"], Some.Noon, outcome)
        {
            Experiment = JsonElement.Parse("""{"project":"pruning","name":"prune-cnn"}"""),
            Runs = outcome == FiringOutcome.Submitted ? [new("01DEF", RunState.Queued, Reused: false)] : [],
            Reason = "a loop",
            Problems = [new("params.lr", "wanted a number")],
        };
        await store.PutJson(WorkspacePaths.Firing(firing.Trigger, firing.Id), firing, cancel: Cancel);

        await notifier.Notify(new TriggerActed("workspace", firing.Trigger, firing.Id), Cancel);
        await Deliver();

        var told = Assert.Single(receiver.All).Json;
        Assert.Equal((type, text), (told.GetProperty("type").GetString(), told.GetProperty("text").GetString()));
        Assert.Equal(
            firing.Runs.Select(run => run.Id), told.GetProperty("trigger").GetProperty("runs").EnumerateArray().Select(run => run.GetString()));
    }

    [Fact]
    public async Task AReceiverThatIsGone_IsPaused_AndWhatItDidNotTakeIsKept()
    {
        await Add("/ci");
        receiver.Plan("/ci", 410);

        await notifier.Notify(await Ended("succeeded"), Cancel);
        await Deliver();

        Assert.Equal("the receiver answered 410 Gone", (await notifier.Webhooks.Find("workspace", Team, Cancel))!.Paused);
        Assert.Single((await notifier.Webhooks.Undelivered("workspace", Team, 10, Cancel)).Found);
        await notifier.Notify(new RunEnded("workspace", "run-1", RunState.Succeeded, Cause.Completed), Cancel);
        Assert.Equal(0, await bus.Count(QueueNames.Webhooks, Cancel));
    }

    [Fact]
    public async Task ARedirect_IsNotFollowed()
    {
        var webhook = await Add("/ci");
        receiver.Plan("/ci", 307);

        var answer = await notifier.Test("workspace", webhook, Cancel);

        Assert.Equal((HttpStatusCode.TemporaryRedirect, "307 Temporary Redirect"), (answer.Status, answer.Problem));
        Assert.Single(receiver.All);
    }

    [Fact]
    public async Task InACloud_NoNoticeGoesToAPrivateAddress()
    {
        var webhook = await Add("/ci");
        using var careful = new WebhookSender(new(), time);

        var answer = await careful.Send(webhook, "msg_1", new("1", WebhookEvents.Test, Some.Noon, "workspace", "hello"), Cancel);

        Assert.Equal("127.0.0.1 is 127.0.0.1, which is no public address", answer.Problem);
        Assert.Empty(receiver.All);
    }

    [Theory]
    [InlineData("127.0.0.1"), InlineData("10.1.2.3"), InlineData("172.31.0.1"), InlineData("192.168.1.1"), InlineData("169.254.169.254"), InlineData(
        "100.64.0.1"), InlineData("0.0.0.0")]
    [InlineData("::1"), InlineData("fe80::1"), InlineData("fd00::1"), InlineData("::ffff:10.0.0.1")]
    [InlineData("::"), InlineData("::10.0.0.1"), InlineData("64:ff9b::10.0.0.1"), InlineData("64:ff9b::808:808"), InlineData(
        "64:ff9b:1::a00:1"), InlineData("2002:a00:1::1")]
    [InlineData("2001::1"), InlineData("2001:db8::1"), InlineData("fec0::1"), InlineData("ff02::1"), InlineData("100::1"), InlineData(
        "3fff::1"), InlineData("::ffff:0:10.0.0.1")]
    [InlineData("192.0.0.170"), InlineData("198.19.0.1"), InlineData("224.0.0.1"), InlineData("240.0.0.1"), InlineData("255.255.255.255"), InlineData(
        "168.63.129.16"), InlineData("203.0.113.1")]
    public void PrivateAddresses_AreKnown(string address) => Assert.False(PublicAddress.Is(IPAddress.Parse(address)));

    [Theory]
    [InlineData("8.8.8.8"), InlineData("172.32.0.1"), InlineData("100.128.0.1"), InlineData("2001:4860:4860::8888"), InlineData(
        "2603:1020::1"), InlineData("168.63.129.17")]
    public void PublicAddresses_AreKnown(string address) => Assert.True(PublicAddress.Is(IPAddress.Parse(address)));

    [Fact]
    public async Task NobodyListens_IsARefusalWithItsReason()
    {
        var webhook = await Add("/ci");
        var gone = webhook with { Url = "http://127.0.0.1:1/" };

        var answer = await notifier.Test("workspace", gone, Cancel);

        Assert.Equal((null, "Connection refused"), (answer.Status, answer.Problem));
    }

    [Fact]
    public async Task HttpsWhereThereIsNone_IsSaid()
    {
        var webhook = await Add("/ci");
        var answer = await notifier.Test("workspace", webhook with { Url = webhook.Url.Replace("http:", "https:", StringComparison.Ordinal) }, Cancel);
        Assert.StartsWith("no TLS at this address, which begins with https: ", answer.Problem, StringComparison.Ordinal);
    }

    private async Task<Webhook> Add(
        string path, string name = Team, IReadOnlyList<string>? events = null, string? project = null, string? experiment = null) =>
        (await notifier.Webhooks.Change(
            "workspace", name,
            _ => new(name, receiver.Url(path), events ?? ["*"], project, experiment, WebhookFormat.Json, WebhookSignature.NewSecret(), "ann",
                time.GetUtcNow()), Cancel))!;

    private async Task<RunEnded> Ended(string situation)
    {
        var run = Some.In(situation);
        Assert.True(await new RunStore(store).Create(run, Cancel));
        return new("workspace", run.Id, run.State, run.Cause);
    }

    private Task DeliverAfter(TimeSpan wait)
    {
        time.Advance(wait);
        return Deliver();
    }

    /// <summary>What is due now, as the host gives it to the function.</summary>
    private async Task Deliver()
    {
        while (await DeliverOne())
        {
        }
    }

    private async Task<bool> DeliverOne()
    {
        if (await bus.Receive(QueueNames.Webhooks, TimeSpan.Zero, Cancel) is not { } message) return false;
        await notifier.Deliver(WebhookDelivery.From(message.Message)!, Cancel);
        return await bus.Complete(message, Cancel);
    }

    /// <summary>Delivers what is due to a receiver that lets the time for an answer pass.</summary>
    private async Task Silence()
    {
        var asked = receiver.All.Count;
        var delivered = Deliver();
        while (!delivered.IsCompleted)
        {
            await Task.WhenAny(delivered, receiver.Asked(asked + 1));
            if (receiver.All.Count <= asked) continue;
            asked = receiver.All.Count;
            time.Advance(WebhookSender.Patience);
        }

        await delivered;
    }
}
