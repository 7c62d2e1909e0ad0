using System.Text.Json;
using Serverless.Core.Messaging;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Events;

/// <summary>
/// A file below <c>data/</c> has a new version: it appeared, or its content was replaced. Said on the queue <see cref="QueueNames.FileEvents"/>, at
/// least once per version and in any order; two events with the same path and ETag are about the same version. Deletions are not said.
/// <para>The message is Event Grid's <c>Microsoft.Storage.BlobCreated</c> in the CloudEvents 1.0 schema, whoever sends it: Event Grid in Azure, the
/// platform's own watcher where workspaces are folders.</para>
/// </summary>
/// <param name="Path">Begins with <c>data/</c>.</param>
/// <param name="ETag">As the store gives it, without quotation marks.</param>
/// <param name="At">When the version was written, or seen, by its author's clock.</param>
public sealed record FileChanged(string Workspace, string Path, string ETag, long LengthBytes, DateTimeOffset At)
{
    private const string Created = "Microsoft.Storage.BlobCreated";
    private const string Containers = "blobServices/default/containers/";
    private const string Blobs = "/blobs/";

    /// <returns>
    /// Null for an event that is whole and about something else (another type of event, the
    /// platform's own container, a blob outside <c>data/</c>): complete it.
    /// </returns>
    /// <exception cref="InvalidDataException">The message cannot be understood; the exception says what is missing.</exception>
    public static FileChanged? From(Message message)
    {
        var happened = Parse(message.Body);
        if (happened.Type is null) throw new InvalidDataException("the file event has no type");
        if (happened.Type != Created) return null;
        var subject = happened.Subject?.TrimStart('/') ?? "";
        var end = subject.IndexOf(Blobs, StringComparison.Ordinal);
        if (!subject.StartsWith(Containers, StringComparison.Ordinal) || end <= Containers.Length)
        {
            throw new InvalidDataException($"the file event's subject '{happened.Subject}' names no blob");
        }

        var container = subject[Containers.Length..end];
        var path = NameIn(happened.Data?.Url, container) ?? Uri.UnescapeDataString(subject[(end + Blobs.Length)..]);
        if (WorkspaceName.Problem(container) is not null || WorkspaceFiles.Problem(path) is not null) return null;
        return happened.Data is { ETag: { Length: > 0 } etag }
            ? new(container, path, etag.Trim('"'), happened.Data.ContentLength ?? 0, happened.Time ?? default)
            : throw new InvalidDataException($"the event of {path} has no eTag");
    }

    /// <summary>A message of its own each time: which versions were seen is made out by whoever handles it.</summary>
    public Message ToMessage(IIds ids)
    {
        var nonce = ids.Nonce();
        var name = string.Join('/', Path.Split('/').Select(Uri.EscapeDataString));
        var blob = new Blob("PutBlob", ETag, LengthBytes, "BlockBlob", $"/{Workspace}/{name}");
        var happened = new CloudEvent("1.0", Created, $"/workspaces/{Workspace}", nonce, At, $"/{Containers}{Workspace}{Blobs}{Path}", blob);
        return new($"file:{nonce}", JsonSerializer.Serialize(happened, CoreJson.Options));
    }

    // The address is percent-encoded, so it says exactly what the blob is called; a subject with a '%' in it may be either.
    private static string? NameIn(string? url, string container)
    {
        if (url is null) return null;
        var host = url.IndexOf("://", StringComparison.Ordinal);
        var path = host < 0 ? 0 : url.IndexOf('/', host + 3);
        var above = $"/{container}/";
        var at = path < 0 ? -1 : url.IndexOf(above, path, StringComparison.Ordinal);
        return at < 0 ? null : Uri.UnescapeDataString(url[(at + above.Length)..]);
    }

    private static CloudEvent Parse(string body)
    {
        try
        {
            return JsonSerializer.Deserialize<CloudEvent>(body, CoreJson.Options) ?? throw new InvalidDataException("the file event is JSON null");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"the file event cannot be read: {e.Message}", e);
        }
    }

    private sealed record CloudEvent(
        string? Specversion, string? Type, string? Source, string? Id, DateTimeOffset? Time, string? Subject, Blob? Data);

    private sealed record Blob(string? Api, string? ETag, long? ContentLength, string? BlobType, string? Url);
}
