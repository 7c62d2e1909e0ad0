using Serverless.Core.Lineage;

namespace Serverless.Cli.Client;

sealed partial class ApiClient
{
    /// <param name="id">A run's id, a path below <c>data/</c>, or a dataset's reference.</param>
    public Task<LineageGraph> GetLineage(string id, int depth, CancellationToken cancel) => Get<LineageGraph>($"api/lineage/{EscapedPath(id)}" + Query(("depth", Text(depth))), cancel);

    public Task<LineageRebuilt> RebuildLineage(CancellationToken cancel) => Send<LineageRebuilt>(HttpMethod.Post, "api/lineage", null, cancel);
}
