using Serverless.Client.Http;

namespace Serverless.Client;

public sealed partial class ServerlessClient
{
    /// <summary>What something came from, and what came of it.</summary>
    /// <param name="id">A run's id, a path below <c>data/</c>, or a dataset's version (<c>digits:3</c>).</param>
    /// <param name="depth">How many steps are followed each way.</param>
    public Task<LineageGraph> GetLineage(string id, int depth, CancellationToken cancel = default) =>
        Get<LineageGraph>($"api/lineage/{EscapedPath(id)}" + Query(("depth", Text(depth))), cancel);

    /// <summary>Makes the index of lineage anew from the records.</summary>
    public Task<LineageRebuilt> RebuildLineage(CancellationToken cancel = default) =>
        Send<LineageRebuilt>(Call.Post("api/lineage") with { IsRepeatable = true }, cancel);
}
