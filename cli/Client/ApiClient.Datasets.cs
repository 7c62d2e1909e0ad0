using Serverless.Core.Api;
using Serverless.Core.Datasets;

namespace Serverless.Cli.Client;

sealed partial class ApiClient
{
    public Task<DatasetList> GetDatasets(CancellationToken cancel) => Get<DatasetList>("api/datasets", cancel);

    public Task<DatasetInfo> GetDataset(string name, CancellationToken cancel) => Get<DatasetInfo>($"api/datasets/{Escaped(name)}", cancel);

    public Task<DatasetVersion> GetDataset(DatasetReference version, CancellationToken cancel) => Get<DatasetVersion>(AddressOf(version.Name, version), cancel);

    public async Task<Stream> OpenDatasetFile(DatasetVersion version, string path, CancellationToken cancel) =>
        await (await Send(HttpMethod.Get, $"{AddressOf(version.Name, new(version.Name, version.Number))}/files/{EscapedPath(path)}", null, cancel)).Content.ReadAsStreamAsync(cancel);

    public async Task PutContent(string dataset, string sha256, Stream content, CancellationToken cancel) =>
        (await Send(HttpMethod.Put, $"api/datasets/{Escaped(dataset)}/files/{sha256}", new StreamContent(content, 1 << 16), cancel)).Dispose();

    public Task<DatasetPublication> Publish(string dataset, DatasetRequest request, CancellationToken cancel) =>
        Send<DatasetPublication>(HttpMethod.Post, $"api/datasets/{Escaped(dataset)}", Json(request), cancel);

    /// <param name="force">Also when runs used it.</param>
    public async Task DeleteDataset(DatasetVersion version, bool force, CancellationToken cancel) =>
        (await Send(HttpMethod.Delete, AddressOf(version.Name, new(version.Name, version.Number)) + Forced(force), null, cancel)).Dispose();

    private static string AddressOf(string name, DatasetReference version) => $"api/datasets/{Escaped(name)}/{version.Hash ?? Text(version.Number) ?? "latest"}";
}
