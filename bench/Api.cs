using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Submit;

namespace Serverless.Bench;

/// <summary>The calls that measures make, over HTTP as everybody makes them.</summary>
sealed class Api(Uri address, string key) : IDisposable
{
    private readonly HttpClient http = new(new SocketsHttpHandler { UseProxy = false })
    {
        BaseAddress = address,
        DefaultRequestHeaders = { Authorization = new("Bearer", key) },
    };

    public async Task<CodeStored> PutCode(string sha256, byte[] zip, CancellationToken cancel) =>
        await Read<CodeStored>(
            await http.PutAsync($"api/code/{sha256}",
                new ByteArrayContent(zip) { Headers = { ContentType = new MediaTypeHeaderValue("application/zip") } }, cancel), cancel);

    /// <summary>One run of a snapshot's entry file; other parameters are another run.</summary>
    public static byte[] Spec(string snapshot, string command, object parameters) => JsonSerializer.SerializeToUtf8Bytes(
        new { project = "bench", name = Path.GetFileNameWithoutExtension(command), code = new { snapshot }, command, @params = parameters },
        CoreJson.Options);

    /// <returns>The id of the one run.</returns>
    public async Task<string> Submit(byte[] spec, CancellationToken cancel)
    {
        using var body = new ByteArrayContent(spec) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        return (await Read<Submitted>(await http.PostAsync("api/experiments", body, cancel), cancel)).Runs[0].Id;
    }

    public async Task PutTrigger(string name, object trigger, CancellationToken cancel)
    {
        using var answer = await http.PutAsync($"api/triggers/{name}", JsonContent.Create(trigger, options: CoreJson.Options), cancel);
        if (!answer.IsSuccessStatusCode) throw new HttpRequestException($"the trigger was refused: {await answer.Content.ReadAsStringAsync(cancel)}");
    }

    public Task<RunList> List(int limit, string? where = null, string? order = null, CancellationToken cancel = default) => Get<RunList>(
        $"api/runs?limit={limit}"
        + (where is null ? "" : $"&where={Uri.EscapeDataString(where)}") + (order is null ? "" : $"&order={Uri.EscapeDataString(order)}"), cancel);

    public Task<RunMetrics> Plot(string run, string metric, int points) => Get<RunMetrics>(
        $"api/runs/{run}/metrics?names={Uri.EscapeDataString(metric)}&maxPoints={points}", CancellationToken.None);

    /// <summary>One metric of the newest thousand runs of an experiment.</summary>
    public async Task<IReadOnlyList<RunCurves>> Compare(string experiment, string metric, int points)
    {
        var lines = await http.GetStringAsync(
            $"api/curves?experiment={experiment}&limit=1000&names={Uri.EscapeDataString(metric)}&maxPoints={points}", CancellationToken.None);
        return [.. lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(
            line => JsonSerializer.Deserialize<RunCurves>(line, CoreJson.Options)!)];
    }

    public Task<string> Log(string run, CancellationToken cancel) => http.GetStringAsync($"api/runs/{run}/logs", cancel);

    public Task<RunRecord> Get(string run, CancellationToken cancel) => Get<RunRecord>($"api/runs/{run}", cancel);

    /// <summary>Polls seldom enough not to be part of what is measured.</summary>
    public async Task<RunRecord> UntilEnded(string run, TimeSpan every, CancellationToken cancel)
    {
        while (true)
        {
            var record = await Get(run, cancel);
            if (record.State == RunState.Succeeded) return record;
            if (record.State.IsTerminal) throw new InvalidOperationException($"run {run} {record.State}: {record.Message}\n{await Log(run, cancel)}");
            await Task.Delay(every, TimeProvider.System, cancel);
        }
    }

    public void Dispose() => http.Dispose();

    private async Task<T> Get<T>(string path, CancellationToken cancel) => await Read<T>(await http.GetAsync(path, cancel), cancel);

    private static async Task<T> Read<T>(HttpResponseMessage response, CancellationToken cancel)
    {
        using (response)
        {
            if (!response.IsSuccessStatusCode)
            {
                throw new HttpRequestException(
                    $"{response.RequestMessage?.RequestUri} answered {(int)response.StatusCode}: {await response.Content.ReadAsStringAsync(cancel)}");
            }

            return (await response.Content.ReadFromJsonAsync<T>(CoreJson.Options, cancel))!;
        }
    }
}
