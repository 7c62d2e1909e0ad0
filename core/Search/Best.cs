using Serverless.Core.Runs;

namespace Serverless.Core.Search;

/// <summary>The first runs of an order, of however many there are: no more than a page of them is kept.</summary>
/// <param name="order">Null: that in which they come.</param>
/// <param name="last">Those that come after this place.</param>
internal sealed class Best(RunOrder? order, RunOrder.Place? last, int limit)
{
    // The one that is let go next is on top.
    private readonly PriorityQueue<RunSummary, RunOrder.Place> ordered =
        new(Comparer<RunOrder.Place>.Create((a, b) => order!.Compare(b, a)));
    private readonly List<RunSummary> inTurn = [];

    /// <returns>False: the page is full, and no other run changes it.</returns>
    public bool Add(RunFacts run)
    {
        if (order is null)
        {
            inTurn.Add(run.Summary);
            return inTurn.Count <= limit;
        }

        var place = order.PlaceOf(run);
        if (last is { } before && order.Compare(place, before) <= 0) return true;
        if (ordered.Count <= limit) ordered.Enqueue(run.Summary, place);
        else ordered.EnqueueDequeue(run.Summary, place);
        return true;
    }

    public (IReadOnlyList<RunSummary> Runs, bool HasMore) Page()
    {
        var all = inTurn;
        while (ordered.TryDequeue(out var run, out _)) all.Add(run);
        if (order is not null) all.Reverse();
        return ([.. all.Take(limit)], all.Count > limit);
    }
}
