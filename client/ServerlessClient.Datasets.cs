using Serverless.Client.Http;

namespace Serverless.Client;

public sealed partial class ServerlessClient
{
    /// <summary>All datasets, by name.</summary>
    public Task<DatasetList> GetDatasets(CancellationToken cancel = default) => Get<DatasetList>("api/datasets", cancel);

    /// <summary>A dataset's versions.</summary>
    public Task<DatasetInfo> GetDataset(string name, CancellationToken cancel = default) => Get<DatasetInfo>($"api/datasets/{Escaped(name)}", cancel);

    /// <summary>A version with its files.</summary>
    /// <param name="version">Its number, at least 8 characters of its hash, or <c>latest</c>.</param>
    public Task<DatasetVersion> GetDataset(string name, string version, CancellationToken cancel = default) =>
        Get<DatasetVersion>(Dataset(name, version), cancel);

    /// <summary>A file of a version; it fails at its end with <see cref="ContentMismatchException"/> when it is not what the version says.</summary>
    public Task<Stream> OpenDatasetFile(DatasetVersion version, DatasetFile file, CancellationToken cancel = default) =>
        OpenLarge($"{Dataset(version)}/files/{EscapedPath(file.Path)}", file.LengthBytes, file.Sha256, cancel);

    /// <summary>Stores a content, for a version that is published afterwards.</summary>
    /// <param name="content">Opened once for each time that it is sent.</param>
    /// <param name="progress">Told how many bytes of it were sent; begins anew when it is sent again.</param>
    public async Task PutContent(
        string dataset, string sha256, long lengthBytes, Func<Stream> content, IProgress<long>? progress = null, CancellationToken cancel = default)
    {
        var place = $"api/datasets/{Escaped(dataset)}/files/{sha256}";
        if (await IsSentDirectly(place, lengthBytes, content, progress, cancel)) await Do(Call.Put($"{place}?uploaded=true"), cancel);
        else await Do(Call.Put(place, () => Body(content, progress)), cancel);
    }

    /// <summary>Makes a version; the same content again makes none.</summary>
    public Task<DatasetPublication> Publish(string dataset, DatasetRequest request, CancellationToken cancel = default) =>
        Send<DatasetPublication>(Call.Post($"api/datasets/{Escaped(dataset)}", Call.Json(request)) with { IsRepeatable = true }, cancel);

    /// <summary>Deletes a version; its number stays taken.</summary>
    /// <param name="force">Also when runs used it.</param>
    public Task DeleteDataset(DatasetVersion version, bool force = false, CancellationToken cancel = default) =>
        Do(Call.Delete(Dataset(version) + Forced(force)), cancel);

    private static string Dataset(DatasetVersion version) => Dataset(version.Name, Text(version.Number)!);

    private static string Dataset(string name, string version) => $"api/datasets/{Escaped(name)}/{Escaped(version)}";
}
