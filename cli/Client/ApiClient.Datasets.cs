using Serverless.Core.Datasets;
using Serverless.Core.Spec;

namespace Serverless.Cli.Client;

sealed partial class ApiClient
{
    public Task<DatasetList> GetDatasets(CancellationToken cancel) => Get<DatasetList>("api/datasets", cancel);

    public Task<DatasetInfo> GetDataset(string name, CancellationToken cancel) => Get<DatasetInfo>($"api/datasets/{Escaped(name)}", cancel);

    public Task<DatasetVersion> GetDataset(DatasetReference version, CancellationToken cancel) => Get<DatasetVersion>(AddressOf(version.Name, version), cancel);

    public Task<Stream> OpenDatasetFile(DatasetVersion version, string path, long lengthBytes, CancellationToken cancel) =>
        OpenLarge($"{AddressOf(version.Name, new(version.Name, version.Number))}/files/{EscapedPath(path)}", lengthBytes, cancel);

    /// <param name="content">Opened once.</param>
    public async Task PutContent(string dataset, string sha256, long lengthBytes, Func<Stream> content, CancellationToken cancel)
    {
        var place = $"api/datasets/{Escaped(dataset)}/files/{sha256}";
        if (await IsSentDirectly(place, lengthBytes, content, cancel))
        {
            (await Send(HttpMethod.Put, $"{place}?uploaded=true", null, cancel)).Dispose();
            return;
        }

        await using var body = content();
        (await Send(HttpMethod.Put, place, new StreamContent(body, 1 << 16), cancel)).Dispose();
    }

    public Task<DatasetPublication> Publish(string dataset, DatasetRequest request, CancellationToken cancel) =>
        Send<DatasetPublication>(HttpMethod.Post, $"api/datasets/{Escaped(dataset)}", Json(request), cancel);

    /// <param name="force">Delete even if runs used it.</param>
    public async Task DeleteDataset(DatasetVersion version, bool force, CancellationToken cancel) =>
        (await Send(HttpMethod.Delete, AddressOf(version.Name, new(version.Name, version.Number)) + Forced(force), null, cancel)).Dispose();

    private static string AddressOf(string name, DatasetReference version) => $"api/datasets/{Escaped(name)}/{version.Hash ?? Text(version.Number) ?? "latest"}";
}
