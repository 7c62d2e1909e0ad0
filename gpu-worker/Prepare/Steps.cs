using Serverless.Core.Runs;
using Serverless.GpuWorker.Collect;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Prepare;

/// <summary>
/// Runs the commands that come before the code (set-up, builds), in runners of their own: stopped, timed out and cleaned up like the code itself.
/// </summary>
/// <param name="say">Takes a line for the run's log that people of the machine should see, too.</param>
sealed class Steps(RunnerPool pool, LogCollector log, Omissions omissions, StopRequest stop, TimeProvider time, Action<string> say)
{
    public void Say(string line) => say(line);

    /// <summary>Of the code's files, when it is no plain one: the code will say itself where it misses it.</summary>
    public void LeaveOut(string path, string why) => omissions.Add($"code/{path}", why);

    /// <summary>For what another run does already.</summary>
    public Waiting Waiting(RunSpec spec) => new(spec.Timeout, log.Say);

    /// <param name="what">For messages: <c>setup</c>.</param>
    /// <exception cref="PreparationException">It failed or took longer than the run may.</exception>
    /// <exception cref="OperationCanceledException">The attempt is to end.</exception>
    public async Task Run(string what, IReadOnlyList<string> command, string folder, IReadOnlyDictionary<string, string> environment, RunSpec spec)
    {
        log.Say($"{what}: {string.Join(' ', command.Count == 3 && command[1] == "-c" ? command.Skip(2) : command)}");
        using var runner = pool.Take(RunnerKind.Plain);
        var pump = LogPump.Start(runner.Output, log);
        runner.Assign(new() { Folder = folder, Environment = environment, Command = command });
        var end = await new Execution(runner, time, log.Say).Wait(stop, spec.Timeout, spec.Grace);
        await pump.Drained();
        pool.Refill(RunnerKind.Plain);
        if (end.Stopped is not null and not StopReason.Timeout) throw new OperationCanceledException(stop.Asked);
        var (cause, message) = end.Explain(spec.Timeout);
        var lastLine = log.LastLineClause().Replace(folder + "/", "", StringComparison.Ordinal);
        if (cause == Cause.UserCode) throw new PreparationException(Cause.Build, $"{what}: {message}{lastLine}");
        if (cause != Cause.Completed) throw new PreparationException(cause, $"{what}: {message}");
    }
}
