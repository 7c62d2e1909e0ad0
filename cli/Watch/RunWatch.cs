using System.Diagnostics.CodeAnalysis;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Core.Metrics;
using Serverless.Core.Runs;
using Spectre.Console;

namespace Serverless.Cli.Watch;

/// <summary>Watches runs to their end: a display that redraws itself on a terminal, plain lines elsewhere, nothing with --json.</summary>
sealed class RunWatch(ServerlessClient api, Output output, TimeProvider time)
{
    private const int CurvePoints = 40, LinesKept = 200;
    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(200), Seldom = TimeSpan.FromSeconds(1), OftenUntil = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>The runs as they ended, in the given order.</summary>
    /// <param name="left">Said after Ctrl-C instead of how to look again, where the runs do not simply go on.</param>
    /// <exception cref="OperationCanceledException">Ctrl-C: the runs go on, and the person was told how to look again.</exception>
    public async Task<IReadOnlyList<RunRecord>> UntilEnded(IReadOnlyList<string> ids, CancellationToken cancel, FormattableString? left = null)
    {
        try
        {
            var ended = output switch
            {
                { Json: true } => await Poll(ids, _ => { }, cancel),
                { IsLive: true } when ids is [var id] => [await Live(id, cancel)],
                { IsLive: true } => await LiveTable(ids, cancel),
                _ when ids is [var id] => [await Plain(id, cancel)],
                _ => await Poll(ids, new StateLines(output).Tell, cancel),
            };
            if (!output.Json) Conclude(ended);
            return ended;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            var names = string.Join(' ', ids.Select(Format.ShortId));
            var goOn = ids.Count == 1 ? "The run goes on" : "The runs go on";
            output.Remark(left ?? $"{goOn}. Watch again: [bold]exp wait {names}[/]   Cancel: exp cancel {names}");
            throw;
        }
    }

    /// <summary>Asks until all have ended; a platform that is away for less than two minutes is waited for.</summary>
    private async Task<RunRecord[]> Poll(IReadOnlyList<string> ids, Action<RunRecord[]> seen, CancellationToken cancel)
    {
        var began = time.GetTimestamp();
        var answered = began;
        var runs = new RunRecord?[ids.Count];
        while (true)
        {
            try
            {
                for (var i = 0; i < runs.Length; i++)
                {
                    if (runs[i] is not { State.IsTerminal: true }) runs[i] = await api.GetRun(ids[i], cancel);
                }

                answered = time.GetTimestamp();
                seen(runs!);
                if (runs.All(run => run!.State.IsTerminal)) return runs!;
            }
            catch (ApiException e) when ((e.IsTransient || e.Fault is ApiFault.Silent or ApiFault.Failed or ApiFault.NotThePlatform)
                && runs[0] is not null && time.GetElapsedTime(answered) < Patience)
            {
                // The runs go on without the API, and exp up carries on where it was.
            }

            await Task.Delay(time.GetElapsedTime(began) < OftenUntil ? Often : Seldom, time, cancel);
        }
    }

    private async Task<RunRecord> Plain(string id, CancellationToken cancel)
    {
        var tail = new LogTail(api, id);
        var lines = new StateLines(output);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var reading = tail.Read(StandardOutput.WriteLine, 0, both.Token);
        var run = (await Poll([id], lines.Tell, cancel))[0];
        await Rest(reading, both);
        return run;
    }

    private async Task<RunRecord> Live(string id, CancellationToken cancel)
    {
        var tail = new LogTail(api, id);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var reading = tail.Read(null, LinesKept, both.Token);
        var curves = Curves(id, both.Token);
        var run = await output.Out.Live(new Text("")).AutoClear(true).Overflow(VerticalOverflow.Crop).StartAsync(async display =>
            (await Poll([id], runs => display.UpdateTarget(RunView.One(runs[0], curves.Latest, tail, output)), cancel))[0]);
        await Rest(reading, both);
        if (run.State != RunState.Succeeded || run.Metrics.Count == 0)
        {
            foreach (var line in tail.Last(10)) StandardOutput.WriteLine(line);
        }

        return run;
    }

    private async Task<RunRecord[]> LiveTable(IReadOnlyList<string> ids, CancellationToken cancel) =>
        await output.Out.Live(new Text("")).AutoClear(true).Overflow(VerticalOverflow.Crop).StartAsync(display =>
            Poll(ids, runs => display.UpdateTarget(RunView.Many(runs, output.Now).Lay(output.Width).Lines), cancel));

    /// <summary>The log may be a moment longer than the run: what was written last arrives last.</summary>
    private async Task Rest(Task reading, CancellationTokenSource both)
    {
        both.CancelAfter(TimeSpan.FromSeconds(5));
        try
        {
            await reading.WaitAsync(Timeout.InfiniteTimeSpan, time, both.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or ApiException)
        {
            // The log can be read again with exp logs; the run's result is what matters here.
        }

        await both.CancelAsync();
    }

    private void Conclude(IReadOnlyList<RunRecord> runs)
    {
        if (runs is [var run]) output.Write(RunView.Result(run, output.Width / 2));
        else output.Write(RunView.Many(runs, output.Now));
    }

    private CurvesOf Curves(string id, CancellationToken cancel)
    {
        var curves = new CurvesOf();
        _ = Refresh();
        return curves;

        [SuppressMessage("Design", "CA1031",
            Justification = "The curves are an ornament of the display: whatever fails, the next second may succeed.")]
        async Task Refresh()
        {
            while (!cancel.IsCancellationRequested)
            {
                try
                {
                    curves.Latest = (await api.GetMetrics(id, [], CurvePoints, MetricSource.Run, cancel)).Series;
                    await Task.Delay(Seldom, time, cancel);
                }
                catch (OperationCanceledException)
                {
                    return;
                }
                catch (ApiException)
                {
                    await Task.Delay(Seldom, time, CancellationToken.None);
                }
            }
        }
    }

    private sealed class CurvesOf
    {
        public volatile IReadOnlyList<MetricSeries> Latest = [];
    }
}
