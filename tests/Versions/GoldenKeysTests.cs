using System.Text;
using Microsoft.Extensions.Time.Testing;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Submit;
using Serverless.Tests.Support;

namespace Serverless.Tests.Versions;

/// <summary>
/// Keys of runs and hashes of versions are stored: where one of <c>golden-keys.txt</c> changes, finished runs are computed again and experiments get
/// a version more without a change of their own. Each line: a spec, the keys of its runs, and the hash of its version, separated by tabs.
/// </summary>
public sealed class GoldenKeysTests
{
    private readonly FakeTimeProvider time = new(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Keys_of_specs_are_what_they_were()
    {
        var lines = await File.ReadAllLinesAsync(Repository.PathOf("tests", "Versions", "golden-keys.txt"), Cancel);
        Assert.True(lines.Length > 100);
        var now = new List<string>();
        foreach (var line in lines) now.Add(await Line(line.Split('\t')[0]));
        Assert.Equal(lines, now);
    }

    private async Task<string> Line(string yaml)
    {
        var store = new MemoryObjectStore(time);
        foreach (var name in (string[])["data/digits/train.csv", "data/digits/test.csv", "data/extra.csv"])
        {
            await store.Put(name, new MemoryStream(Encoding.UTF8.GetBytes(name)), cancel: Cancel);
        }

        var reading = SpecReader.Read(yaml, SpecFormat.Yaml);
        Assert.True(reading.Spec is not null, $"{yaml}: {string.Join("; ", reading.Problems)}");
        var spec = reading.Spec with { Code = new(await Snapshots.Put(store, ("train.cs", "code"))) };
        var submission = new Submission(
            "team", store, new MemoryMessageBus(time, TimeSpan.FromMinutes(1)), new SystemIds(time), new() { MachineClasses = ["cpu", "gpu-t4"] });
        var submitted = Assert.IsType<SubmitResult.Accepted>(await submission.Submit(spec, null, cancel: Cancel)).Answer;
        var keys = new List<string>();
        foreach (var run in submitted.Runs) keys.Add((await new RunStore(store).Load(run.Id, Cancel))!.Run.Key);
        return $"{yaml}\t{string.Join(' ', keys)}\t{(await submission.Versions.Get(spec.Project, spec.Name, 1, Cancel))!.Hash}";
    }
}
