using System.Globalization;
using System.Net;
using System.Text;

namespace Serverless.Client.Http;

/// <summary>
/// Sends a content to a link of Blob storage: in blocks that are sent again one by one when a connection breaks, and that become a file all at once.
/// </summary>
/// <param name="name">Of this upload: blocks that somebody else sends to the same place at the same time have other ids.</param>
sealed class BlockUpload(HttpClient http, Retrying retries, Uri link, string name)
{
    private const int BlockBytes = 16 * 1024 * 1024, AtOnce = 4;

    private long sent;

    /// <param name="content">Read from its position to its end, once.</param>
    /// <param name="progress">Told the bytes that the store has.</param>
    /// <exception cref="ApiException">It did not arrive; nothing changed.</exception>
    public async Task Send(Stream content, IProgress<long>? progress, CancellationToken cancel)
    {
        var ids = new List<string>();
        using var several = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var sending = new List<Task>();
        try
        {
            while (await Next(content, cancel) is { Length: > 0 } block)
            {
                // All ids of a file have one length.
                ids.Add(Convert.ToBase64String(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{name}-{ids.Count:d6}"))));
                sending.Add(Send(block, ids[^1], progress, several.Token));
                if (sending.Count < AtOnce) continue;
                var done = await Task.WhenAny(sending);
                sending.Remove(done);
                await done;
            }

            await Task.WhenAll(sending);
        }
        catch
        {
            // Nothing of it counts before the list is put.
            await several.CancelAsync();
            await Task.WhenAll(sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }

        var list = $"<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>{string.Concat(ids.Select(id => $"<Latest>{id}</Latest>"))}</BlockList>";
        await Put("comp=blocklist", () => new StringContent(list, Encoding.UTF8, "application/xml"), cancel);
    }

    private async Task Send(ReadOnlyMemory<byte> block, string id, IProgress<long>? progress, CancellationToken cancel)
    {
        await Put($"comp=block&blockid={Uri.EscapeDataString(id)}", () => new ReadOnlyMemoryContent(block), cancel);
        progress?.Report(Interlocked.Add(ref sent, block.Length));
    }

    private static async Task<ReadOnlyMemory<byte>> Next(Stream content, CancellationToken cancel)
    {
        var block = new byte[BlockBytes];
        return block.AsMemory(0, await content.ReadAtLeastAsync(block, block.Length, throwOnEndOfStream: false, cancel));
    }

    private Task Put(string query, Func<HttpContent> body, CancellationToken cancel) => retries.Run(async stop =>
    {
        try
        {
            var place = new UriBuilder(link) { Query = $"{link.Query.TrimStart('?')}&{query}" };
            using var request = new HttpRequestMessage(HttpMethod.Put, place.Uri) { Content = body() };
            using var answer = await http.SendAsync(request, stop);
            return answer.IsSuccessStatusCode ? true : throw Refused(answer.StatusCode);
        }
        catch (HttpRequestException e)
        {
            throw new ApiException(ApiFault.Interrupted, $"the store at {link.Host} cannot be reached: {e.Message}; try again", e);
        }
    }, isRepeatable: true, cancel);

    private ApiException Refused(HttpStatusCode status) => status is HttpStatusCode.Forbidden
        ? new(
            ApiFault.Failed, "the store refused the link to write with: it has expired, or this machine's address is not allowed there; try again")
                { Status = status }
        : new(ApiFaults.Of(status), $"the store at {link.Host} answered {(int)status}; try again") { Status = status };
}
