using Serverless.Contract;
using Serverless.Core.Metrics;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Streams;

namespace Serverless.GpuWorker.Collect;

/// <summary>
/// What readers see of the attempts before, up to the checkpoint that an attempt goes on from. Code that writes its whole history anew at each step
/// has it in its checkpoint, and writes it again: each point of it is there already. Read when the first point of a file comes.
/// </summary>
sealed class EarlierPoints(IObjectStore store, RunRecord run, Retry retry, CancellationToken cancel)
{
    /// <summary>Points that are remembered; some 20 MB, for as long as the attempt lives.</summary>
    private const int MaxPoints = 1 << 19;

    private HashSet<(string Name, long Step, double Value)>? there;

    private readonly bool isFirst = run.Attempts is not [.., { Resume: not null }];

    /// <summary>More than can be remembered: of what is beyond, nobody can say whether it is there.</summary>
    public bool IsTooMany { get; private set; }

    public async Task<bool> Has(MetricPoint point)
    {
        if (isFirst) return false;
        there ??= await retry.Execute(Load, cancel);
        return there.Contains((point.Name, point.Step, point.Value));
    }

    private async Task<HashSet<(string Name, long Step, double Value)>> Load()
    {
        var found = new HashSet<(string Name, long Step, double Value)>();
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        using var turn = LongReads.Shared.Begin();
        var points = new MetricPoints(store, run, turn, []);
        await foreach (var some in points.Read(StreamKind.Metrics, VisibleStream.Of(run, StreamKind.Metrics).SkipLast(1), cancel))
        {
            foreach (var point in some)
            {
                IsTooMany |= found.Count == MaxPoints;
                if (IsTooMany) return found;
                if (!names.TryGetValue(point.Name, out var name)) names[point.Name] = name = point.Name;
                found.Add((name, point.Step, point.Value));
            }
        }

        return found;
    }
}
