namespace Serverless.Core.Runs;

/// <summary>Which of a run's checkpoints stay.</summary>
public static class CheckpointRetentionRules
{
    extension(CheckpointRetention retention)
    {
        /// <summary>Manifests of the checkpoints that stay beside one that is about to be committed.</summary>
        public IReadOnlyList<string> KeptBeside(IReadOnlyList<CheckpointRef> checkpoints, CheckpointRef made)
        {
            // Written again, it takes the place of what it was.
            List<CheckpointRef> others = [.. checkpoints.Where(checkpoint => (checkpoint.Epoch, checkpoint.Step) != (made.Epoch, made.Step))];
            var best = retention.BestOf([.. others, made]);
            return [.. others.Where((checkpoint, i) => i > others.Count - retention.Keep || checkpoint == best || IsMultiple(checkpoint))
                .Select(checkpoint => checkpoint.Manifest)];

            bool IsMultiple(CheckpointRef checkpoint) => retention.Every > 0 && checkpoint.Step % retention.Every == 0;
        }

        /// <summary>Among equals the first.</summary>
        private CheckpointRef? BestOf(IReadOnlyList<CheckpointRef> all)
        {
            if (retention.Best is not { } by) return null;
            var measured = all.Where(checkpoint => checkpoint.Values.TryGetValue(by.Metric, out var value) && !double.IsNaN(value));
            return by.Goal == Goal.Maximize
                ? measured.MaxBy(checkpoint => checkpoint.Values[by.Metric])
                : measured.MinBy(checkpoint => checkpoint.Values[by.Metric]);
        }
    }
}
