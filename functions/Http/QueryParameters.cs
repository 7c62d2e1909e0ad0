using Serverless.Core.Logs;
using Serverless.Core.Runs;
using Serverless.Core.Search;
using Serverless.Core.Triggers;

namespace Serverless.Functions.Http;

/// <summary>Everything that a query can ask for. Operations name what they take: <see cref="OpenApi.OperationAttribute.Query"/>.</summary>
static class QueryParameters
{
    // Pages.
    public static readonly TextParameter After = new("after", "the answer's 'next', for the next page");
    public static readonly TextParameter AfterReport = new("after", "the last report of the page before");
    public static readonly NumberParameter RunLimit = new("limit", "at most so many", 1, 1000, 100);
    public static readonly NumberParameter FileLimit = new("limit", "at most so many", 1, 5000, 1000);
    public static readonly NumberParameter FiringLimit = new("limit", "at most so many", 1, 10_000, 100);
    public static readonly NumberParameter ReportLimit = new("limit", "at most so many", 1, 1000, 100);

    // Runs.
    public static readonly FilterParameter Project = new("project", "only of this project");
    public static readonly FilterParameter Experiment = new("experiment", "only of this experiment");
    public static readonly NamesParameter<RunState> State = new("state", "only in one of these states");
    public static readonly FilterParameter Tag = new("tag", "only with this tag");
    public static readonly ParsedParameter<Condition> Where = new(
        "where",
        "only runs of which this is true: comparisons (== != < <= > >=, ~ with '*', in (a, b), has NAME) of metrics, parameters and fields, joined " +
        "by and, or, not and parentheses: val/accuracy > 0.9 and lr < 0.01", RunSearch.ParseCondition);
    public static readonly ParsedParameter<RunOrder> Order = new(
        "order", "names of metrics, parameters and fields, with '-' the greatest first: -val/accuracy,created; left out, newest first",
        RunOrder.Parse);
    public static readonly TextParameter Reason = new("reason", "one line, which is shown with the run");
    public static readonly TextParameter Other = new("other", "the run to compare with; left out, the nearest earlier one of the same experiment");
    public static readonly ListParameter Runs = new("runs", "ids", 1, 100);
    public static readonly NumberParameter From = new("from", "number of the earlier one", 1, 999_999);
    public static readonly NumberParameter To = new("to", "number of the later one", 1, 999_999);

    // Metrics and logs.
    public static readonly ListParameter Names = new("names", "patterns with '*'; left out, all, those of the machine (system/…) included");
    public static readonly NamesParameter<MetricSource> Source =
        new("source", "logged by the run's code, or measured by the worker; left out, both");
    public static readonly NumberParameter FromStep = new("from", "only points of this step and later");
    public static readonly NumberParameter MaxPoints = new(
        "maxPoints",
        "points per series; longer ones keep minimum and maximum of equal stretches, first and last always; when all series together would have " +
        "more than 100000, each has fewer, and the answer's maxPoints says how many", 4, 1_000_000, 1000);
    public static readonly NumberParameter CurvePoints = new(
        "maxPoints", "points per series; longer ones keep minimum and maximum of equal stretches, first and last always", 4, 2000, 200);
    public static readonly ChoiceParameter MetricFormat = new(
        "format",
        "csv: every point as metric,step,value,time in order of logging, however many; lines at its end that begin with # say what could not be read",
        "json", "csv");
    public static readonly NumberParameter Offset = new("offset", "begin at this byte; negative: so many bytes before the end; left out, 0");
    public static readonly FilterParameter SearchText = new("text", "what the lines are to have; capitals count when there is one in it");
    public static readonly NumberParameter SearchFrom = new("offset", "the byte to begin at, where a line begins: the answer's next", 0, Usual: 0);
    public static readonly NumberParameter MatchLimit = new("limit", "at most so many lines", 1, 1000, 100);
    public static readonly NumberParameter Tail = new(
        "tail", "begin so many lines before the end; of lines that are longer than 64 MiB together, fewer; not with offset", 0,
        LogReader.MaxTailLines);
    public static readonly FlagParameter Follow = new(
        "follow",
        "send what is printed until the run has ended, as text or, with Accept: text/event-stream, as events that can be resumed, also when the " +
        "platform ends the request before");
    public static readonly NumberParameter Attempt = new(
        "attempt", "the log as it was seen at the end of this attempt; left out, the newest", 1, int.MaxValue);

    // Files.
    public static readonly TextParameter Prefix = new("prefix", "only paths that begin so", "data/");
    public static readonly FlagParameter Direct = new("direct", "where the store can, 307 to an address of its own, for which no key is needed");
    public static readonly FlagParameter Pieces = new(
        "pieces", "instead of the file, JSON with the addresses of its pieces, in order; none from a store that does not give them itself");
    public static readonly NumberParameter LengthBytes = new("lengthBytes", "how large it is", 0);
    public static readonly FlagParameter Uploaded = new("uploaded", "what was sent to the store before, instead of the body");
    public static readonly FlagParameter Force = new(
        "force", "delete it even when others came from it, which is otherwise 409 with what they are");
    public static readonly NumberParameter Depth = new("depth", "how many runs and datasets away", 1, 50, 5);

    // Triggers.
    public static readonly TextParameter Event = new(
        "event", "only this one, by its id or the beginning of it; also a past event that was not acted on");
    public static readonly FlagParameter Stopped = new("stopped", "also those that were beyond the rate");
    public static readonly NamesParameter<FiringOutcome> Outcome = new("outcome", "only with one of these outcomes");
}
