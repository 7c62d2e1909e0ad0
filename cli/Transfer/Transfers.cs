using Serverless.Cli.Terminal;
using Serverless.Core.Storage;
using Spectre.Console;

namespace Serverless.Cli.Transfer;

/// <summary>One file to move: its name for people, its length when known, and the work, which tells how many bytes of it have moved.</summary>
readonly record struct Transfer(string Name, long LengthBytes, Func<IProgress<long>, CancellationToken, Task> Move);

/// <summary>Moves many files at once, with a bar on a terminal.</summary>
static class Transfers
{
    private const int AtOnce = 8;

    public static async Task Run(Output output, string what, IReadOnlyList<Transfer> transfers, CancellationToken cancel)
    {
        var total = transfers.Sum(transfer => transfer.LengthBytes);
        if (output.Json || !output.Err.Profile.Capabilities.Ansi)
        {
            await All(transfers, _ => { }, cancel);
        }
        else
        {
            await output.Err.Progress().AutoClear(true)
                .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new DownloadedColumn(), new TransferSpeedColumn(),
                    new RemainingTimeColumn())
                .StartAsync(async progress =>
                {
                    var bar = progress.AddTask(Markup.Escape(what), maxValue: Math.Max(1, total));
                    await All(transfers, moved => bar.Increment(moved), cancel);
                });
        }

        if (!output.Json) output.Remark($"{what}: {transfers.Count} {(transfers.Count == 1 ? "file" : "files")}, {Format.Bytes(total)}");
    }

    /// <summary>Writes a file that appears only when it is whole.</summary>
    /// <exception cref="ExpException">What came is something else, or not all of it came; or it cannot be written there.</exception>
    public static async Task Save(Func<CancellationToken, Task<Stream>> open, string file, IProgress<long>? moved, CancellationToken cancel)
    {
        LocalFiles.CheckTarget(file);
        try
        {
            await LocalFiles.Write(file, () => Downloads.Save(open, file, moved, cancel));
        }
        catch (Exception e) when (Broken(e, file) is { } broken)
        {
            throw broken;
        }
    }

    /// <summary>What went wrong while a content was fetched; null: it was something else.</summary>
    public static ExpException? Broken(Exception e, string what) => e switch
    {
        ContentMismatchException =>
            new(ExitCode.Unreachable, $"{what} is damaged in the workspace: {e.Message}; what can be done: exp doctor", inner: e),
        ApiException { Fault: ApiFault.Interrupted } => new(ExitCode.Unreachable,
            $"the connection broke while {what} was fetched; try again, and if it breaks again look at: exp doctor", inner: e),
        _ => null,
    };

    /// <summary>The place of a relative path of the platform's in a folder here.</summary>
    /// <exception cref="ExpException">It would lie outside.</exception>
    public static string Below(string folder, string path)
    {
        var root = Path.GetFullPath(folder);
        var file = Path.GetFullPath(Path.Combine(root, path));
        return file.StartsWith(Path.EndsInDirectorySeparator(root) ? root : root + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            ? file
            : throw ExpException.Usage($"'{path}' would be written outside of {root}");
    }

    private static Task All(IReadOnlyList<Transfer> transfers, Action<long> moved, CancellationToken cancel) =>
        Parallel.ForEachAsync(transfers, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel },
            async (transfer, stop) => await transfer.Move(new Moved(moved), stop));

    /// <summary>How far a file is, as steps for a bar. One that begins anew takes steps back.</summary>
    private sealed class Moved(Action<long> step) : IProgress<long>
    {
        private long before;

        public void Report(long value) => step(value - Interlocked.Exchange(ref before, value));
    }
}
