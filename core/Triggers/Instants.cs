using System.Text.RegularExpressions;
using Cronos;

namespace Serverless.Core.Triggers;

/// <summary>
/// The instants of a schedule. When clocks go forward, an instant in the hour that is left out comes when that hour would have begun; when they go
/// back, one in the hour that comes twice comes once, and repeated ones (<c>*/10 * * * *</c>) go on through both. Pure.
/// </summary>
internal static partial class Instants
{
    /// <summary>An instant that is looked at this late is on time: timers tick once a minute.</summary>
    public static TimeSpan Tolerance { get; } = TimeSpan.FromSeconds(150);

    /// <summary>
    /// A clock that is set back goes through the same instants again, and they count once; what it is ahead by more than this, it was wrong by, and a
    /// schedule does not wait for that day.
    /// </summary>
    private static readonly TimeSpan Believable = TimeSpan.FromDays(1);

    /// <summary>How far back a missed instant is looked for, step by step.</summary>
    private static readonly TimeSpan[] LookingBack =
    [
        TimeSpan.FromHours(1), TimeSpan.FromDays(1), TimeSpan.FromDays(32), TimeSpan.FromDays(400), TimeSpan.FromDays(366 * 9),
    ];

    /// <summary>Characters of a cron expression. The library's parser recurses over the items of a list: a long one would end the process.</summary>
    private const int LongestCron = 256;

    public static string? CronProblem(string cron)
    {
        if (cron.Length > LongestCron) return $"'{Excerpt.Of(cron)}' is longer than {LongestCron} characters";
        try
        {
            return CronExpression.Parse(cron, CronFormat.Standard).GetNextOccurrence(new DateTime(2025, 1, 1, 0, 0, 0, DateTimeKind.Utc)) is null
                ? $"'{cron}' never comes"
                : null;
        }
        catch (CronFormatException e)
        {
            return $"'{cron}' is not a schedule of five fields (minute, hour, day of the month, month, day of the week): {e.Message}";
        }
    }

    public static string? ZoneProblem(string zone) =>
        ZoneName().IsMatch(zone) && TimeZoneInfo.TryFindSystemTimeZoneById(zone, out _)
            ? null
            : $"'{zone}' is not a time zone; write its IANA name, such as Europe/Berlin";

    /// <summary>
    /// The instants to act on now: those that are on time, or else, when the schedule makes up for missed ones, the latest that was missed.
    /// </summary>
    /// <param name="after">Everything up to here has been dealt with.</param>
    /// <param name="since">When the trigger was added; nothing before it is acted on.</param>
    public static IReadOnlyList<DateTimeOffset> Due(
        ScheduleWhen schedule, DateTimeOffset after, DateTimeOffset now, DateTimeOffset since = default)
    {
        if (after - now > Believable) after = since < now ? Later(since, now - Tolerance) : now - Tolerance;
        if (after >= now) return [];
        var onTime = Between(schedule, Later(after, now - Tolerance), now).ToList();

        // Nobody ran meanwhile: of those that a late tick could still be about, too, only the latest is made up for.
        if (after < now - Tolerance && onTime.Count > 1) onTime = [onTime[^1]];
        if (onTime.Count > 0 || schedule.Missed == MissedInstants.Skip) return onTime;
        foreach (var back in LookingBack)
        {
            if (Between(schedule, Later(after, now - back), now).Cast<DateTimeOffset?>().LastOrDefault() is { } missed) return [missed];
            if (now - back <= after) break;
        }

        return [];
    }

    /// <summary>After the first, up to the second.</summary>
    public static IEnumerable<DateTimeOffset> Between(ScheduleWhen schedule, DateTimeOffset after, DateTimeOffset until) =>
        Cron(schedule).GetOccurrences(after, until, Zone(schedule), fromInclusive: false, toInclusive: true).Select(at => at.ToUniversalTime());

    public static DateTimeOffset? Next(ScheduleWhen schedule, DateTimeOffset after) =>
        Cron(schedule).GetNextOccurrence(after, Zone(schedule))?.ToUniversalTime();

    private static CronExpression Cron(ScheduleWhen schedule) => schedule.Cron.Length <= LongestCron
        ? CronExpression.Parse(schedule.Cron, CronFormat.Standard)
        : throw new CronFormatException(CronProblem(schedule.Cron)!);

    private static TimeZoneInfo Zone(ScheduleWhen schedule) => TimeZoneInfo.FindSystemTimeZoneById(schedule.Zone);

    private static DateTimeOffset Later(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;

    // The system looks for a file of this name, and would read any file that a path leads to, one without an end as well.
    [GeneratedRegex(@"\A[A-Za-z0-9_+\-]{1,40}(/[A-Za-z0-9_+\-]{1,40}){0,3}\z")]
    private static partial Regex ZoneName();
}
