using System.Runtime.CompilerServices;
using Serverless.Core.Publishing;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Streams;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Doctor;

/// <summary>Whether what a run's record leads to is there. One listing of what its attempts left, and no look at contents.</summary>
internal sealed class RunExamination(IObjectStore store, RunRecord run)
{
    /// <summary>Findings about one attempt's part of a stream; a whole folder may be gone.</summary>
    private const int MostOfAPiece = 20;

    private readonly Dictionary<string, long> there = new(StringComparer.Ordinal);

    public long Examined => there.Count;

    public async IAsyncEnumerable<Finding> Look([EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var stored in store.List(WorkspacePaths.AttemptsOf(run.Id), cancel: cancel)) there[stored.Key] = stored.LengthBytes;
        var found = new List<Finding>();
        if (run.Outputs is { } outputs) await Outputs(outputs, found, cancel);
        if (there.ContainsKey(WorkspacePaths.Publication(run.Id)))
        {
            await Manifest<PublicationRecord>(WorkspacePaths.Publication(run.Id), "what became of its publication", found, cancel);
        }

        foreach (var checkpoint in run.Checkpoints) await Checkpoint(checkpoint, found, cancel);
        Streams(StreamKind.Metrics, found);
        Streams(StreamKind.Logs, found);

        // What was changed or deleted since the record was read is no damage.
        if (found.Count > 0 && (await new RunStore(store).Sound(run.Id, cancel) is not { } again || !SaysTheSame(again))) yield break;
        foreach (var finding in found) yield return finding;
    }

    private bool SaysTheSame(RunRecord again) => again.Epoch == run.Epoch && again.State == run.State && again.Head?.Manifest == run.Head?.Manifest;

    private async Task Outputs(string key, List<Finding> found, CancellationToken cancel)
    {
        if (await Manifest<OutputManifest>(key, "the list of its outputs", found, cancel) is not { } manifest) return;
        foreach (var file in manifest.Artifacts) Expect(file.Key, file.LengthBytes, $"artifact {file.Path}", found);
        foreach (var file in manifest.Data) Expect(file.Key, file.LengthBytes, $"data/{file.Path}, as the run wrote it,", found);
    }

    private async Task Checkpoint(CheckpointRef checkpoint, List<Finding> found, CancellationToken cancel)
    {
        if (await Manifest<CheckpointManifest>(checkpoint.Manifest, $"the checkpoint of step {checkpoint.Step}", found, cancel) is not { } manifest)
        {
            return;
        }

        foreach (var chunk in manifest.Pieces.DistinctBy(chunk => chunk.Key))
        {
            Expect(chunk.Key, chunk.LengthBytes, $"a piece of the checkpoint of step {checkpoint.Step}", found);
        }
    }

    private void Streams(StreamKind kind, List<Finding> found)
    {
        IReadOnlyList<StreamPiece> pieces;
        try
        {
            pieces = VisibleStream.Of(run, kind);
        }
        catch (InvalidDataException inconsistent)
        {
            found.Add(new(WorkspacePaths.Run(run.Id), FindingKind.Damaged, inconsistent.Message, "put the record back from a backup"));
            return;
        }

        foreach (var piece in pieces)
        {
            if (piece.End is not { } end) continue;
            var before = found.Count;
            for (var segment = 0; segment < end.Segment && found.Count - before < MostOfAPiece; segment++)
            {
                Expect(VisibleStream.SegmentKey(run.Id, kind, piece.Epoch, segment), 0, Name(kind, segment), found);
            }

            if (end.LengthBytes > 0)
            {
                Expect(VisibleStream.SegmentKey(run.Id, kind, piece.Epoch, end.Segment), end.LengthBytes, Name(kind, end.Segment), found,
                    isAtLeast: true);
            }
        }
    }

    private static string Name(StreamKind kind, int segment) => $"part {segment} of its {(kind == StreamKind.Metrics ? "metrics" : "log")}";

    private async Task<T?> Manifest<T>(string key, string what, List<Finding> found, CancellationToken cancel) where T : class
    {
        var read = await store.Read<T>(key, cancel);
        if (read.IsMissing) found.Add(Lost(key, what, "is missing"));
        if (read.Damage is { } damage)
        {
            found.Add(Lost(key, what, damage.Why) with { Kind = damage.IsNewer ? FindingKind.Newer : FindingKind.Damaged });
        }

        return read.Found?.Record;
    }

    private void Expect(string key, long lengthBytes, string what, List<Finding> found, bool isAtLeast = false)
    {
        if (!there.TryGetValue(key, out var length)) found.Add(Lost(key, what, "is missing"));
        else if (isAtLeast ? length < lengthBytes : lengthBytes > 0 && length != lengthBytes) found.Add(
            Lost(key, what, $"has {length} bytes instead of {lengthBytes}"));
    }

    private Finding Lost(string key, string what, string why) => new(
        key, FindingKind.Missing, $"{what} {why}; run {run.Id} names it", $"put it back from a backup, or compute it again: exp rerun {run.Id}");
}
