using System.Globalization;
using Microsoft.Extensions.Logging;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Events;

/// <summary>
/// Announces every version of a workspace's files once it is complete, as Event Grid does for a storage account: <see cref="FileChanged"/> on
/// <see cref="QueueNames.FileEvents"/>. What the system tells of a folder makes it prompt; that nothing is lost, whatever the system tells and
/// whenever this process dies, is due to looking at all files every so often and comparing them with what was announced. Links, deletions and names
/// that are no keys are not announced. See docs/decisions/0121.
/// </summary>
/// <param name="folder">Where the store's folder is; null when it is none, and files are found by looking only.</param>
/// <param name="every">
/// How often all files are looked at. Null: so often that looking takes 0.5 % of the time (5
/// % where nobody tells of changes), between 5 s and 10 minutes.
/// </param>
/// <param name="log">Hears when files cannot be announced, once of each reason.</param>
sealed class FileWatch(
    string workspace, IObjectStore store, IMessageBus bus, IIds ids, TimeProvider time, string? folder, TimeSpan? every, ILogger log)
{
    /// <summary>
    /// Messages that go to the bus at once, files that are listed before news is heeded, and
    /// versions after which what was announced is saved at the latest.
    /// </summary>
    private const int Batch = 256, Stretch = 256, MostUnsaved = 4096;
    private static readonly TimeSpan Soonest = TimeSpan.FromSeconds(5), Latest = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan AfterTrouble = TimeSpan.FromSeconds(5), AfterMissed = TimeSpan.FromMilliseconds(200);

    private readonly List<(UInt128 Version, UInt128 Content, Message Message)> ready = [];
    private readonly UnfinishedFiles unfinished = new(time);
    private readonly FolderWatch? watch = folder is null ? null : new(folder, WorkspacePaths.Data);
    private readonly HashSet<string> said = [];
    private AnnouncedFiles? announced;

    // During the first look: what was announced before this process began. A file with the same
    // content then is one that was touched or restored, and not news.
    private HashSet<UInt128>? before;
    private bool troubled;

    /// <summary>Takes all that is there as announced, without announcing it.</summary>
    public static async Task TakeAsAnnounced(IObjectStore store, CancellationToken cancel)
    {
        var announced = await AnnouncedFiles.Load(store, cancel);
        await foreach (var file in store.List(WorkspacePaths.Data, cancel: cancel)) announced.Add(AnnouncedFiles.VersionOf(file.Key, file.ETag));
        await announced.Save(cancel);
    }

    /// <summary>Goes on until it is stopped; what fails is tried again.</summary>
    public async Task Run(CancellationToken stop)
    {
        using (watch)
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    if (announced is null)
                    {
                        announced = await AnnouncedFiles.Load(store, stop);
                        before = watch is null ? null : announced.Contents();
                    }

                    await Round(announced, stop);
                }
                catch (Exception) when (stop.IsCancellationRequested)
                {
                    // The end was asked for. What was not announced or not remembered is, at the next start.
                }
                catch (Exception e)
                {
                    if (IsFirstReport(e.Message)) log.NotAnnounced(workspace, e.Message);
                    ready.Clear();
                    unfinished.Clear();
                    await Wait(null, every ?? AfterTrouble, stop);
                }
            }
        }
    }

    private async Task Round(AnnouncedFiles announced, CancellationToken stop)
    {
        troubled = false;
        var watched = watch?.Attach() ?? false;
        if (!watched && Directory.Exists(Path.Combine(folder ?? "", WorkspacePaths.Data)))
        {
            if (IsFirstReport(nameof(FolderWatch))) log.NoticedLate(workspace);
        }

        var began = time.GetTimestamp();
        await Scan(announced, stop);
        var took = time.GetElapsedTime(began);
        if (!troubled) said.Clear();
        await WatchUntilNextScan(
            announced, every ?? TimeSpan.FromTicks(Math.Clamp(took.Ticks * (watched ? 200 : 20), Soonest.Ticks, Latest.Ticks)), stop);
    }

    private async Task Scan(AnnouncedFiles announced, CancellationToken stop)
    {
        var listed = 0;
        announced.BeginCount();
        await foreach (var file in store.List(WorkspacePaths.Data, cancel: stop))
        {
            var version = AnnouncedFiles.VersionOf(file.Key, file.ETag);
            if (!announced.Contains(version)) await Consider(announced, file.Key, file);
            else if (before is not null && announced.LacksContent(version)) announced.Add(version, Content(file.Key));

            // Somebody may wait for what was put this moment, while ten thousand files are looked at that have lain there for a day.
            if (++listed % Stretch == 0) await HandleChanges(announced, stop);
        }

        await Announce(announced);
        await Remember(announced.Save);
        await Remember(announced.EndCount);
        before = null;
    }

    /// <summary>Heeds what the system tells, until it is time to look at everything again.</summary>
    private async Task WatchUntilNextScan(AnnouncedFiles announced, TimeSpan pause, CancellationToken stop)
    {
        var began = time.GetTimestamp();
        while (!stop.IsCancellationRequested && pause - time.GetElapsedTime(began) is var left && left > TimeSpan.Zero)
        {
            await Wait(watch?.Changes, unfinished.NextIn is { } next && next < left ? next : left, stop);
            if (!await HandleChanges(announced, stop))
            {
                pause = TimeSpan.FromTicks(Math.Min(pause.Ticks, (time.GetElapsedTime(began) + AfterMissed).Ticks));
            }
        }
    }

    /// <returns>False when some of it was missed.</returns>
    private async Task<bool> HandleChanges(AnnouncedFiles announced, CancellationToken stop)
    {
        var news = watch?.Take() ?? new([], Missed: false);
        foreach (var key in news.Keys)
        {
            if (ObjectKey.Problem(key) is not null) continue;
            if (!watch!.IsFolder(key)) await Consider(announced, key, null);
            else await foreach (var file in store.List(key + "/", cancel: stop)) await Consider(announced, file.Key, file);
        }

        foreach (var key in unfinished.TakeDue()) await Judge(announced, key);
        await Announce(announced);
        await Remember(announced.Save);
        return !news.Missed;
    }

    /// <param name="listed">As the store lists it; null when the system told of it.</param>
    private async Task Consider(AnnouncedFiles announced, string key, StoredObject? listed)
    {
        if (watch is null) await Ready(announced, key, listed!.ETag, listed.LengthBytes);
        else if (!unfinished.Waits(key)) await Judge(announced, key);
    }

    private async Task Judge(AnnouncedFiles announced, string key)
    {
        var look = watch!.Look(key);
        if (unfinished.IsComplete(key, look)) await Ready(announced, key, look.Version!.Value.ETag, look.Version.Value.LengthBytes);
    }

    private async Task Ready(AnnouncedFiles announced, string key, string etag, long lengthBytes)
    {
        var version = AnnouncedFiles.VersionOf(key, etag);
        if (announced.Contains(version)) return;
        var content = Content(key);
        if (content != default && before?.Contains(content) is true)
        {
            announced.Add(version, content);
            return;
        }

        ready.Add((version, content, new FileChanged(workspace, key, etag, lengthBytes, time.GetUtcNow()).ToMessage(ids)));
        if (ready.Count == Batch) await Announce(announced);
    }

    private UInt128 Content(string key) =>
        watch?.Sample(key) is { } sample ? AnnouncedFiles.VersionOf(key, sample.ToString("x32", CultureInfo.InvariantCulture)) : default;

    // Not stopped in the middle, like what follows: whoever ends the platform in good order finds nothing announced twice at the next start.
    private async Task Announce(AnnouncedFiles announced)
    {
        if (ready.Count == 0) return;
        await Task.WhenAll(ready.Select(one => bus.Send(QueueNames.FileEvents, one.Message)));
        foreach (var (version, content, _) in ready) announced.Add(version, content);
        ready.Clear();
        if (announced.Unsaved >= MostUnsaved) await Remember(announced.Save);
    }

    private async Task Remember(Func<CancellationToken, Task> save)
    {
        try
        {
            await save(CancellationToken.None);
        }
        catch (Exception e) when (e is StoreUnavailableException or StoreFullException)
        {
            if (IsFirstReport($"{nameof(Remember)}: {e.Message}")) log.NotRemembered(workspace, e.Message);
        }
    }

    private async Task Wait(Task? news, TimeSpan longest, CancellationToken stop)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var delay = Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(longest.TotalMilliseconds)), time, ended.Token);
        await (news is null ? Task.WhenAny(delay) : Task.WhenAny(news, delay));
        await ended.CancelAsync();
    }

    private bool IsFirstReport(string trouble)
    {
        troubled = true;
        return said.Add(trouble);
    }
}
