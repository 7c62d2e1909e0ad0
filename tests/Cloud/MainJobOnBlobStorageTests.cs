using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Serverless.Cloud;
using Serverless.Core;
using Serverless.Core.Metrics;
using Serverless.Core.Outputs;
using Serverless.Core.Runs;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;
using Serverless.Functions.Hosting;
using Serverless.Tests.Functions;
using Serverless.Tests.Support;

namespace Serverless.Tests.Cloud;

/// <summary>The whole way of a run over HTTP, with the workspace in Blob storage and a worker process that is told of it as a container is.</summary>
public sealed class MainJobOnBlobStorageTests(Azurite azurite)
{
    // The first worker is killed after its checkpoint; whatever it computed beyond that must not be seen.
    private const string Code = """
        mkdir -p $EXP_OUTPUT/artifacts $EXP_OUTPUT/data/results
        echo "attempt $EXP_ATTEMPT"
        if [ -z "$EXP_RESUME" ]; then
          echo '{"step":1,"name":"loss","value":0.5}' > $EXP_OUTPUT/metrics.jsonl
          mkdir -p $EXP_OUTPUT/checkpoints/.1.tmp; printf one > $EXP_OUTPUT/checkpoints/.1.tmp/state; mv $EXP_OUTPUT/checkpoints/.1.tmp $EXP_OUTPUT/checkpoints/1
          while true; do sleep 0.1; done
        fi
        echo '{"step":2,"name":"loss","value":0.25}' > $EXP_OUTPUT/metrics.jsonl
        printf "$(cat $EXP_RESUME/state) and two" > $EXP_OUTPUT/artifacts/model.txt
        printf published > $EXP_OUTPUT/data/results/model.txt
        """;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SubmittedRun_SurvivesItsWorker_AndEverythingIsReadBack()
    {
        var connection = await azurite.ConnectionString(Cancel);
        var folder = Directory.CreateTempSubdirectory("blob-job-").FullName;
        var lease = TimeSpan.FromSeconds(2);
        await using (var host = await EmbeddedHost.Start(
            new() { DataFolder = folder, Workspaces = CloudConnections.Workspaces(connection), LockLength = lease }, Cancel))
        {
            using var client = new HttpClient { BaseAddress = host.Address };
            client.DefaultRequestHeaders.Authorization = new("Bearer", (await File.ReadAllTextAsync(host.AdminKeyFile, Cancel)).Trim());
            await using var first = new WorkerProcess(folder, "w1", lease, 0, ["--blob", connection]);
            await first.Ready.WaitAsync(WorkerRig.Patience, Cancel);

            var id = await Submit(client);
            await Until(client, id, run => run.Head is not null, first);
            first.Kill();
            await using var second = new WorkerProcess(folder, "w2", lease, 0, ["--blob", connection]);
            var ended = await Until(client, id, run => run.State.IsTerminal, second);

            Assert.Equal((RunState.Succeeded, 2, 1), (ended.State, ended.Epoch, ended.Lost));
            var metrics = await Get<RunMetrics>(client, $"api/runs/{id}/metrics");
            Assert.Equal([(1L, 0.5), (2L, 0.25)],
                Assert.Single(metrics.Series, series => series.Name == "loss").Points.Select(point => (point.Step, point.Value)));
            Assert.Equal([1], (await Get<CheckpointList>(client, $"api/runs/{id}/checkpoints")).Checkpoints.Select(checkpoint => checkpoint.Step));
            Assert.Equal("one", await client.GetStringAsync($"api/runs/{id}/checkpoints/1/state", Cancel));
            Assert.Equal("one and two", await client.GetStringAsync($"api/runs/{id}/artifacts/model.txt", Cancel));
            Assert.Contains("attempt 2", await client.GetStringAsync($"api/runs/{id}/logs", Cancel), StringComparison.Ordinal);
            await Eventually(async () => (await client.GetAsync("api/files/data/results/model.txt", Cancel)).StatusCode == HttpStatusCode.OK,
                () => "the output was not published");
        }

        // Nothing of the workspace was kept on this machine.
        Assert.False(Directory.Exists(Path.Combine(folder, LocalWorkspaces.Default)));
        TemporaryFolder.Delete(folder);
    }

    private static async Task<string> Submit(HttpClient client)
    {
        var (sha256, zip) = PlatformFixture.Zip(("job.sh", Code));
        using var put = await client.PutAsync($"api/code/{sha256}", new ByteArrayContent(zip), Cancel);
        Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        var spec = JsonSerializer.Serialize(
            new { project = "cloud", name = "job", code = new { snapshot = sha256 }, command = "sh job.sh", fresh = true }, CoreJson.Options);
        using var answer = await client.PostAsync("api/experiments", new StringContent(spec, Encoding.UTF8, "application/json"), Cancel);
        Assert.True(answer.StatusCode == HttpStatusCode.Accepted, await answer.Content.ReadAsStringAsync(Cancel));
        return (await answer.Read<Submitted>()).Runs.Single().Id;
    }

    private static async Task<RunRecord> Until(HttpClient client, string id, Func<RunRecord, bool> isSo, WorkerProcess worker)
    {
        RunRecord? last = null;
        await Eventually(
            async () => isSo(last = await Get<RunRecord>(client, $"api/runs/{id}")),
            () => $"{id} is {last?.State} ({last?.Cause}: {last?.Message}); the worker said: {worker.Errors}");
        return last!;
    }

    private static async Task<T> Get<T>(HttpClient client, string path) => (await client.GetFromJsonAsync<T>(path, CoreJson.Options, Cancel))!;

    private static async Task Eventually(Func<Task<bool>> isSo, Func<string> otherwise)
    {
        var deadline = Stopwatch.StartNew();
        while (!await isSo())
        {
            if (deadline.Elapsed > TimeSpan.FromMinutes(1)) throw new TimeoutException(otherwise());
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Cancel);
        }
    }
}
