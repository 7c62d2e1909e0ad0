using System.Text.Json;
using Serverless.Core.Triggers;

namespace Serverless.Tests.Triggers;

public sealed class ScheduleTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static string Nightly(string missed = "once", string cron = "0 3 * * *", string zone = "UTC") => $$"""
        name: nightly
        when: { schedule: { cron: "{{cron}}", zone: {{zone}}, missed: {{missed}} } }
        then:
          project: pruning
          name: nightly-run
          code: { snapshot: SNAPSHOT }
          command: train.cs
          params: { at: "${schedule.at}" }
        """;

    [Theory]
    // Clocks go forward at 02:00 on 29 March 2026 in Berlin: 02:30 is left out, and comes when it would have begun.
    [InlineData("30 2 * * *", "2026-03-27T12:00:00Z", "2026-03-31T12:00:00Z", "28T01:30 29T01:00 30T00:30 31T00:30")]
    // Clocks go back at 03:00 on 25 October 2026: 02:30 comes twice, and counts once.
    [InlineData("30 2 * * *", "2026-10-23T12:00:00Z", "2026-10-27T12:00:00Z", "24T00:30 25T00:30 26T01:30 27T01:30")]
    // What repeats goes on through the hour that comes twice.
    [InlineData("*/30 * * * *", "2026-10-25T00:00:00Z", "2026-10-25T02:30:00Z", "25T00:30 25T01:00 25T01:30 25T02:00 25T02:30")]
    [InlineData("0 9 * * mon-fri", "2026-03-26T12:00:00Z", "2026-03-31T12:00:00Z", "27T08:00 30T07:00 31T07:00")]
    public void Instants_FollowTheClocksOfTheirZone(string cron, string from, string until, string expected) => Assert.Equal(
        expected.Split(' '),
        Instants.Between(new(cron, "Europe/Berlin"), DateTimeOffset.Parse(from), DateTimeOffset.Parse(until))
            .Select(at => at.ToString("dd'T'HH:mm")));

    [Theory]
    [InlineData("0 3 * * *", "once", "03-05T10:00", "05T03:00")]
    [InlineData("0 3 * * *", "skip", "03-05T10:00", "")]
    [InlineData("0 3 * * *", "skip", "03-05T03:01", "05T03:00")]
    [InlineData("*/10 * * * *", "once", "03-05T10:05", "05T10:00")]
    [InlineData("* * * * *", "once", "03-05T10:05", "05T10:05")]
    [InlineData("0 3 1 1 *", "once", "03-05T10:00", "")]
    [InlineData("0 3 29 2 *", "once", "03-05T10:00", "")]
    public void MissedInstants_AreMadeUpForOnce_OrNotAtAll(string cron, string missed, string now, string expected)
    {
        var schedule = new ScheduleWhen(cron, "UTC", missed == "skip" ? MissedInstants.Skip : MissedInstants.Once);
        var due = Instants.Due(schedule, new(2026, 3, 2, 12, 0, 0, TimeSpan.Zero), DateTimeOffset.Parse($"2026-{now}:00Z"));
        Assert.Equal(expected, string.Join(' ', due.Select(at => at.ToString("dd'T'HH:mm"))));
    }

    [Theory]
    // Set back by two hours, the clock goes through instants that have been dealt with.
    [InlineData("03-02T14:00", "03-02T12:05", "")]
    [InlineData("03-02T14:00", "03-02T14:10", "02T14:10")]
    // It was a year ahead: nobody waits for that day.
    [InlineData("2027-03-02T14:00", "03-02T12:00", "02T12:00")]
    [InlineData("2027-03-02T14:00", "03-02T12:05", "")]
    public void InstantsThatAClockSetBackBringsAgain_ComeOnce_AndTheScheduleGoesOn(string after, string now, string expected)
    {
        var due = Instants.Due(new("*/10 * * * *"), At(after), At(now));
        Assert.Equal(expected, string.Join(' ', due.Select(at => at.ToString("dd'T'HH:mm"))));

        static DateTimeOffset At(string text) => DateTimeOffset.Parse(text.Length > 11 ? $"{text}:00Z" : $"2026-{text}:00Z");
    }

    [Fact]
    public void OfManyMissedInstants_TheLatestIsMadeUpFor_AndNoneBeforeTheTriggerWasAdded()
    {
        var now = new DateTimeOffset(2026, 3, 3, 12, 0, 30, TimeSpan.Zero);
        var everyMinute = new ScheduleWhen("* * * * *", "UTC");
        Assert.Equal([now.AddSeconds(-30)], Instants.Due(everyMinute, now.AddHours(-20), now));
        Assert.Equal([now.AddSeconds(-90), now.AddSeconds(-30)], Instants.Due(everyMinute, now.AddMinutes(-2), now));

        // A clock that was two days ahead is right again.
        Assert.Equal([now.AddSeconds(-30)], Instants.Due(everyMinute, now.AddDays(2), now, since: now.AddSeconds(-45)));
    }

    [Fact]
    public void YearsOfMissedInstants_AreFoundAtOnce()
    {
        var (from, now) = (new DateTimeOffset(2020, 3, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        Assert.Equal([new(2024, 2, 29, 3, 0, 0, TimeSpan.Zero)], Instants.Due(new("0 3 29 2 *"), from, now));
    }

    [Fact]
    public async Task AScheduleSubmits_AtEachInstant_Once()
    {
        var world = await TriggerWorld.New(new(2026, 3, 2, 2, 58, 0, TimeSpan.Zero));
        await world.Add(Nightly());
        for (var minute = 0; minute < 6; minute++)
        {
            await world.Engine.Tick(Cancel);
            await world.Engine.Tick(Cancel);
            Assert.Equal(minute >= 2 ? 1 : 0, world.Runs().Count);
            world.Time.Advance(TimeSpan.FromMinutes(1));
        }

        var run = Assert.Single(world.Runs());
        Assert.Equal("2026-03-02T03:00:00Z", run.Spec.Params["at"].GetString());
        Assert.Equal(new DateTimeOffset(2026, 3, 2, 3, 0, 0, TimeSpan.Zero), run.Origin!.Scheduled);
        Assert.Contains("its schedule, 2026-03-02 03:00 UTC", run.History[0].Message);
        world.Time.Advance(TimeSpan.FromDays(3));
        await world.Engine.Tick(Cancel);
        await world.Engine.Tick(Cancel);
        Assert.Equal(2, world.Runs().Count);
    }

    [Fact]
    public async Task InstantsWhilePaused_AreNotMadeUpFor()
    {
        var world = await TriggerWorld.New(new(2026, 3, 2, 2, 0, 0, TimeSpan.Zero));
        await world.Add(Nightly());
        await world.Engine.Stored.Pause("nightly", paused: true, "ann", Cancel);
        world.Time.Advance(TimeSpan.FromDays(2));
        await world.Engine.Tick(Cancel);
        await world.Engine.Stored.Pause("nightly", paused: false, "ann", Cancel);
        await world.Engine.Tick(Cancel);
        Assert.Empty(world.Runs());
        world.Time.Advance(TimeSpan.FromHours(1.5));
        await world.Engine.Tick(Cancel);
        Assert.Single(world.Runs());
    }

    [Fact]
    public void AnExpression_Has256CharactersAtMost()
    {
        var cron = "0 0 1 * " + string.Join(',', Enumerable.Repeat("1", 124));
        var longest = cron.Replace("0 0", "0" + new string(' ', 256 - cron.Length + 1) + "0", StringComparison.Ordinal);
        Assert.Equal(256, longest.Length);
        Assert.Null(Instants.CronProblem(longest));
        Assert.NotEmpty(Instants.Between(new(longest), DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddDays(4000)));
        Assert.Contains("longer than 256", Instants.CronProblem(longest.Replace("0 1", "0  1", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    /// <summary>A clock that was far ahead is right again, and the trigger was added while it was ahead, or after.</summary>
    [Theory]
    [InlineData("2027-01-01T00:00", "02T12:00")]
    [InlineData("2026-03-02T11:59", "02T12:00")]
    public void AClockThatWasFarAhead_LeavesWhatIsOnTime(string since, string expected) => Assert.Equal(
        expected,
        string.Join(' ', Instants.Due(new("*/10 * * * *"), At("2028-01-01T00:00"), At("2026-03-02T12:00"), At(since)).Select(
            at => at.ToString("dd'T'HH:mm"))));

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text + ":00Z");

    /// <summary>The parser of the library recurses over the items of a list, and a stack that overflows ends the process.</summary>
    [Theory]
    [InlineData(1_000)]
    [InlineData(100_000)]
    public void ALongExpression_IsAProblem_AndNothingElse(int items)
    {
        var cron = "* * * * " + string.Join(',', Enumerable.Repeat("1", items));
        Assert.Contains("longer than 256 characters", Instants.CronProblem(cron), StringComparison.Ordinal);
        Assert.Throws<Cronos.CronFormatException>(
            () => Instants.Between(new(cron), DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddDays(1)).ToList());
        var stored = new TriggerRecord(
            "1", new("t", new() { Schedule = new(cron) }, JsonElement.Parse("""{"project":"p","name":"n"}""")), null, default, default);
        Assert.Contains("its schedule is none", LiveTrigger.Problem(stored), StringComparison.Ordinal);
    }
}
