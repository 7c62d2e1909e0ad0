using Serverless.Core.Access;
using Serverless.Core.Platform;
using Serverless.Core.Storage;

namespace Serverless.Functions.Events;

static class EveryWorkspace
{
    extension(WorkspaceDirectory workspaces)
    {
        /// <summary>
        /// Does it to each workspace that somebody has a key for. One that it fails for keeps no other from it, and damaged records are told of once.
        /// </summary>
        /// <exception cref="AggregateException">It failed for some, in the end.</exception>
        public async Task Each(ApiKeys keys, DamageNotices notices, Func<Workspace, Task> work, CancellationToken cancel)
        {
            var failures = new List<Exception>();
            foreach (var name in await keys.Workspaces(cancel))
            {
                try
                {
                    await work(workspaces.Open(name));
                }
                catch (Exception e) when (!cancel.IsCancellationRequested)
                {
                    failures.AddRange(notices.Tell(e));
                }
            }

            if (failures.Count > 0) throw new AggregateException(failures);
        }
    }
}
