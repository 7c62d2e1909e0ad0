using System.Text.Json;
using Serverless.Cli.Client;
using Serverless.Cli.Terminal;
using Serverless.Core.Code;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Submit;

namespace Serverless.Cli.Submit;

/// <summary>From an experiment on this machine to its runs.</summary>
static class Submitting
{
    /// <summary>Packs the code, puts the snapshot, submits.</summary>
    /// <exception cref="ExpException">The spec or the code is not valid; every problem is a line.</exception>
    public static async Task<Submitted> Submit(ServerlessClient api, ExperimentSource source, CancellationToken cancel)
    {
        var spec = source.Spec;
        if (SpecRules.Problems(spec) is { Count: > 0 } problems) throw ExperimentSource.Invalid("the experiment", problems);
        if (source.CodePath is { } path) spec = spec with { Code = await Upload(api, path, spec.Code, cancel) };
        return await api.Submit(JsonElement.Parse(SpecWriter.ToJson(spec)), cancel);
    }

    /// <summary>Says what was submitted, and watches it if asked to.</summary>
    public static async Task<ExitCode> Report(Session session, Submitted submitted, bool wait, CancellationToken cancel)
    {
        var output = session.Output;
        if (output.Json && !wait) Output.WriteJson(submitted);
        foreach (var run in submitted.Runs)
        {
            // A display that redraws itself shows the state as it is; a line above it would keep what it was.
            if (output.Json || (wait && output.IsLive && !run.Reused)) continue;
            var known = !run.Reused ? "" : run.State.IsTerminal ? "  ran before, nothing to do (--fresh runs it again)" : "  is running already";
            var (colour, state) = (Format.Colour(run.State), $"{Format.Sign(run.State)} {Format.State(run.State)}");
            output.Line($"[{colour}]{state}[/]  [bold]{submitted.Experiment}[/] v{submitted.Version}  {run.Id}[dim]{known}[/]");
        }

        if (wait) return await Watch(session, [.. submitted.Runs.Select(run => run.Id)], cancel);
        if (!output.Json && submitted.Runs.Any(run => !run.State.IsTerminal))
        {
            output.Remark($"[dim]Watch: exp wait {string.Join(' ', submitted.Runs.Select(run => Format.ShortId(run.Id)))}[/]");
        }

        return ExitCode.Success;
    }

    /// <summary>Watches runs to their end.</summary>
    /// <returns>Success when all of them succeeded and all their checks passed.</returns>
    public static async Task<ExitCode> Watch(Session session, IReadOnlyList<string> ids, CancellationToken cancel)
    {
        var ended = await session.Watch.UntilEnded(ids, cancel);
        if (session.Output.Json) Output.WriteJson(ended.ToList());
        if (ended.Any(run => run.State != RunState.Succeeded)) return ExitCode.RunFailed;
        return ended.Any(run => run.Checks.Any(check => !check.Passed)) ? ExitCode.ChecksFailed : ExitCode.Success;
    }

    /// <summary>The snapshot of a folder or file, which the workspace has from then on.</summary>
    public static async Task<CodeSource> Upload(ServerlessClient api, string path, CodeSource code, CancellationToken cancel)
    {
        try
        {
            var package = CodePackage.Pack(path, code.Include, cancel: cancel);
            if (!await api.HasCode(package.Facts.Sha256, cancel)) await api.PutCode(package.Zip, cancel);
            return new(package.Facts.Sha256, Commit: code.Commit ?? Git.Of(path)?.Commit);
        }
        catch (SnapshotRefusedException e)
        {
            throw ExpException.Usage(e.Message);
        }
    }
}
