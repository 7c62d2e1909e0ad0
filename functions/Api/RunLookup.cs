using Microsoft.AspNetCore.Http;
using Serverless.Core.Runs;
using Serverless.Functions.Http;

namespace Serverless.Functions.Api;

static class RunLookup
{
    extension(Caller caller)
    {
        /// <summary>The run, or 404. One whose worker was lost is not shown as running.</summary>
        public async Task<RunRecord> Run(string id) => IsId(id) && await caller.Workspace.Runs.Load(id, caller.Cancel) is { } loaded
            ? await caller.Workspace.Queue.FreeIfLost(loaded, caller.Cancel)
            : throw Missing(id);
    }

    public static RequestException Missing(string id) => new(StatusCodes.Status404NotFound, $"there is no run {id}");

    /// <summary>As <see cref="Core.IIds.NewestFirst"/> makes them; anything else must not become part of an object's name.</summary>
    public static bool IsId(string text) => text.Length == 26 && text.All(char.IsAsciiLetterOrDigit);
}
