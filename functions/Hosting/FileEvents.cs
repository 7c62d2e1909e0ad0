using Microsoft.Extensions.Logging;
using Serverless.Core;
using Serverless.Core.Access;
using Serverless.Core.Events;
using Serverless.Core.Messaging;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Functions.Hosting;

/// <summary>Announces the changed files of every workspace that somebody has a key for: what Event Grid does in Azure.</summary>
/// <param name="every">How often all files are looked at, see <see cref="EmbeddedOptions.FileScan"/>.</param>
sealed class FileEvents(IWorkspaces workspaces, ApiKeys keys, IMessageBus bus, IIds ids, TimeProvider time, TimeSpan? every, ILogger log)
{
    private static readonly TimeSpan NewWorkspacesEvery = TimeSpan.FromSeconds(2);

    private bool prepared;

    /// <summary>
    /// At the very first start takes the files that are there as announced. It is over before anybody can put one; a workspace that is made later
    /// begins empty, so all that is found in it is news.
    /// </summary>
    public async Task Prepare(CancellationToken cancel)
    {
        if (prepared || (prepared = (await workspaces.Platform.Head(PlatformPaths.FilesAnnouncedSince, cancel)).Value is not null)) return;
        foreach (var name in await keys.Workspaces(cancel)) await FileWatch.TakeAsAnnounced(workspaces.Open(name), cancel);
        var since = new Dictionary<string, DateTimeOffset> { ["since"] = time.GetUtcNow() };
        await workspaces.Platform.PutJson(PlatformPaths.FilesAnnouncedSince, since, PutCondition.IfAbsent, cancel: cancel);
        prepared = true;
    }

    public async Task Run(CancellationToken stop)
    {
        Dictionary<string, Task> watched = [];
        string? said = null;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await Prepare(stop);
                foreach (var name in await keys.Workspaces(stop))
                {
                    if (!watched.ContainsKey(name)) watched[name] = Watch(name).Run(stop);
                }

                said = null;
                await Task.Delay(every ?? NewWorkspacesEvery, time, stop);
            }
            catch (Exception) when (stop.IsCancellationRequested)
            {
                // The end was asked for.
            }
            catch (Exception e)
            {
                if (said != e.Message) log.FilesNotAnnounced(said = e.Message);
                await Task.WhenAny(Task.Delay(NewWorkspacesEvery, time, stop));
            }
        }

        await Task.WhenAll(watched.Values);
    }

    private FileWatch Watch(string name) =>
        new(name, workspaces.Open(name), bus, ids, time, (workspaces as LocalWorkspaces)?.FolderOf(name), every, log);
}
