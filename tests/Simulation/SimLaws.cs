using Serverless.Core;
using Serverless.Core.Events;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Simulation;

/// <summary>What must hold of runs after every change of the store, and at the end. Knows what no process knows: who really wrote, and when.</summary>
sealed class SimLaws(SimWorld world)
{
    private readonly Dictionary<string, DateTimeOffset> heardOf = [];
    private readonly Dictionary<string, RunRecord> records = [];
    /// <summary>As they are now.</summary>
    public IReadOnlyDictionary<string, RunRecord> Records => records;

    public void Changed(MemoryObjectStore.Entry? before, MemoryObjectStore.Entry? after)
    {
        var key = (after ?? before)!.Object.Key;
        if (WorkspacePaths.RunIdOf(key) is { } id) RecordChanged(id, before, after);
        if (after is null && WorkspacePaths.ActiveRunIdOf(key) is { } forgotten) Forgotten(forgotten);
    }

    /// <summary>Whatever else happens, somebody will come back to every run.</summary>
    public string? Unfinished()
    {
        foreach (var (id, run) in records)
        {
            if (!run.State.IsTerminal) return $"{id} is {run.State}";
            if (world.Store.Peek(WorkspacePaths.ActiveRun(id)) is not null) return $"{id} is still active";
        }

        if (world.Store.PeekAll(WorkspacePaths.Active) is [var left, ..]) return $"{left.Object.Key} was left behind";
        var messages = world.Bus.Peek(QueueNames.ForMachine("cpu")).Count;
        return messages == 0 ? null : $"{messages} messages are in the queue";
    }

    public void AtTheEnd()
    {
        foreach (var (id, run) in records)
        {
            Law(Told(id) == run.State, () => $"{id} ended {run.State}, and what was told is {Told(id)}");
            Law(run.State != RunState.Succeeded || run.Outputs == WorkspacePaths.OutputManifest(id, run.Epoch)
                && world.Store.Peek(run.Outputs) is not null, () => $"{id} has no outputs of its last attempt");
        }
    }

    private void RecordChanged(string id, MemoryObjectStore.Entry? beforeEntry, MemoryObjectStore.Entry? afterEntry)
    {
        if (afterEntry is null)
        {
            world.Break($"the record of {id} was deleted");
            return;
        }

        var after = System.Text.Json.JsonSerializer.Deserialize<RunRecord>(afterEntry.Body, CoreJson.Options)!;
        var known = records.GetValueOrDefault(id);
        records[id] = after;
        if (world.Traced) world.Note(world.Writer!.Name, $"    {id} is {after.State}, epoch {after.Epoch}, {after.Cause}, lease {after.Lease}");
        Law(after.State.IsTerminal || world.Store.Peek(WorkspacePaths.ActiveRun(id)) is not null,
            () => $"{id} is {after.State}, and nobody would come back to it");
        Consistent(id, after);
        world.WorkerLaws.RunIs(id, after.State);
        if (known is not null) CheckTransition(id, known, beforeEntry!.Object.Modified, after);
    }

    private void Consistent(string id, RunRecord run)
    {
        Law(run.State.IsOwned == run.Lease is not null, () => $"{id} is {run.State} with lease {run.Lease}");
        Law(run.Attempts.Select(attempt => attempt.Epoch).SequenceEqual(Enumerable.Range(1, run.Epoch)),
            () => $"{id} has epoch {run.Epoch} and not as many attempts");
        for (var i = 0; i < run.Attempts.Count; i++)
        {
            Law(run.Attempts[i].Ended is null == (run.Lease is not null && i == run.Attempts.Count - 1),
                () => $"{id}: attempt {i + 1} of {run.Attempts.Count} is open or closed wrongly");
        }

        Law(run.Lost <= run.Spec.Retries.Lost + (run.State == RunState.Failed ? 1 : 0), () => $"{id} lost {run.Lost} workers and goes on");
        Law(run.Failures <= run.Spec.Retries.Failed + (run.State == RunState.Failed ? 1 : 0), () => $"{id} failed {run.Failures} times and goes on");
        Law(run.State != RunState.Queued || run.Cancel is null, () => $"{id} was cancelled and waits for a worker");
        Law(run.Head is null || world.Store.Peek(run.Head.Manifest) is not null, () => $"{id} names a checkpoint that is not there");
    }

    private void CheckTransition(string id, RunRecord before, DateTimeOffset beforeWritten, RunRecord after)
    {
        var now = world.Store.Now;
        var writer = world.Writer!;
        var owner = world.WorkerLaws.OwnerOf(id, before.Epoch);
        var owns = owner == writer;
        Law(!before.State.IsTerminal || after.State == before.State && after.Epoch == before.Epoch && after.Cause == before.Cause,
            () => $"{id} was {before.State} and became {after.State}");
        Law(after.Epoch == before.Epoch || after.Epoch == before.Epoch + 1 && after.State == RunState.Preparing,
            () => $"{id} went from epoch {before.Epoch} to {after.Epoch} {after.State}");
        Law(before.Cancel is null || after.Cancel is not null, () => $"{id} forgot its cancel");
        Law(before.Attempts.SkipLast(1).Select(attempt => attempt.ToString()).SequenceEqual(
            after.Attempts.Take(Math.Max(0, before.Attempts.Count - 1)).Select(attempt => attempt.ToString())), () => $"{id} rewrote its attempts");

        if (before.Lease is { } lease)
        {
            var expires = (lease.Renewed ?? beforeWritten) + lease.Length;
            var taken = after.Epoch > before.Epoch || after.Lease is null && !owns;
            Law(!taken || now >= expires, () => $"{id} was taken from {lease.Owner} before {expires:O}");
            Law(!taken || world.Clock.Now >= heardOf[id] + lease.Length - TimeSpan.FromSeconds(1),
                () => $"{id} was taken from {lease.Owner}, heard of at {heardOf[id]:O}");
            Law(!taken || owner is null || owner.Dead || owner.IsLeaving || owner.Troubled >= heardOf[id],
                () => $"{id} was taken from {lease.Owner}, with which all is well");
            Law(after.Lease is null or { Renewed: null } || after.Lease.Renewed == (lease.Renewed ?? beforeWritten),
                () => $"{id}: the lease runs from {after.Lease?.Renewed:O}");
            Law(after.Epoch > before.Epoch || after.Lease is null or { Renewed: not null } || owns,
                () => $"{id}: {writer.Name} renewed the lease of {lease.Owner}");
        }

        if (after.Epoch > before.Epoch)
        {
            world.WorkerLaws.Claims(writer, id, after.Epoch);
            owns = true;
            Law(after.Attempts[^1].Resume?.Manifest == before.Head?.Manifest, () => $"{id} does not resume from its head");
        }

        if (owns) heardOf[id] = world.Clock.Now;
        var owned = before.Head?.Manifest != after.Head?.Manifest
            || after.State is RunState.Running or RunState.Succeeded && after.State != before.State || after.Outputs != before.Outputs;
        Law(!owned || owns && before.Lease is not null && after.Epoch == before.Epoch, () => $"{id}: {writer.Name} wrote as if it had the run");
        Law(before.Head?.Manifest == after.Head?.Manifest || after.Head is { } head && head.Epoch == after.Epoch
            && head.Step > (before.Head?.Step ?? 0) || FellBack(before, after),
            () => $"{id}: head went from {before.Head?.Step} to {after.Head?.Step}");
        if (owns && before.Lease is not null && after.Lease is null) world.WorkerLaws.Ends(writer, after);
    }

    private static bool FellBack(RunRecord before, RunRecord after) =>
        (before.State, after.State) == (RunState.Preparing, RunState.Preparing) && after.Attempts[^1].Resume?.Manifest == after.Head?.Manifest
        && after.Head?.Manifest == before.Checkpoints.SkipLast(1).LastOrDefault()?.Manifest;

    private void Forgotten(string id)
    {
        if (!records.TryGetValue(id, out var run)) return;
        world.WorkerLaws.IsTold(id);
        Law(run.State.IsTerminal, () => $"{id} is {run.State} and was forgotten");
        Law(Told(id) == run.State, () => $"{id} ended {run.State} and was forgotten before that was told");
    }

    private RunState? Told(string id) =>
        world.Bus.Peek(SimWorld.Events).Select(EventReader.WorkspaceEventIn).OfType<RunEnded>().LastOrDefault(ended => ended.Run == id)?.State;

    private void Law(bool holds, Func<string> otherwise)
    {
        if (!holds) world.Break($"{otherwise()} (by {world.Writer?.Name})");
    }
}
