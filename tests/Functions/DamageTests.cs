using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Serverless.Core;
using Serverless.Core.Doctor;
using Serverless.Core.Reports;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Triggers;
using Serverless.Core.Workspaces;

namespace Serverless.Tests.Functions;

/// <summary>One damaged object of any kind keeps nobody from anything else; it is named, and the doctor knows what can be done.</summary>
public sealed class DamageTests(PlatformFixture platform) : IClassFixture<PlatformFixture>, IAsyncLifetime
{
    private readonly DamagedWorkspace workspace = new(platform);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await workspace.Fill();

    public ValueTask DisposeAsync()
    {
        workspace.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task DamagedRun_IsNamedInTheList_AnswersAClearProblem_AndIsMovedAwayByTheDoctor()
    {
        var (broken, whole) = (workspace.Runs[0], workspace.Runs[1]);
        await workspace.Store.Put(WorkspacePaths.Run(broken), "{\"id\":\"half"u8, cancel: Cancel);

        var list = await workspace.Get<RunList>("runs");
        Assert.Contains(list.Runs, run => run.Id == whole);
        Assert.Equal(WorkspacePaths.Run(broken), Assert.Single(list.Damaged!).Key);
        using var asked = await platform.Reader.GetAsync($"api/runs/{broken}", Cancel);
        var problem = await asked.Problem(HttpStatusCode.Conflict);
        Assert.Equal("Damaged record", problem.Title);
        Assert.Contains(WorkspacePaths.Run(broken), problem.Detail, StringComparison.Ordinal);
        Assert.Contains("exp doctor", problem.Detail, StringComparison.Ordinal);

        var finding = Assert.Single(await workspace.Doctor(), finding => finding.Object == WorkspacePaths.Run(broken));
        Assert.Equal((FindingKind.Damaged, true), (finding.Kind, finding.CanMove));
        using var refused = await platform.Writer.PostAsJsonAsync("api/doctor", new DoctorMove(finding.Object), Cancel);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Equal($"damaged/{finding.Object}", await Move(finding.Object));
        Assert.Equal("{\"id\":\"half", Encoding.UTF8.GetString((await workspace.Store.Get($"damaged/{finding.Object}", cancel: Cancel))!.Body));
        Assert.Null((await workspace.Get<RunList>("runs")).Damaged);
        Assert.DoesNotContain(await workspace.Doctor(), left => left.Object == finding.Object);
    }

    [Fact]
    public async Task Doctor_MovesNothingThatIsAsItShouldBe()
    {
        var key = WorkspacePaths.Run(workspace.Runs[1]);
        Assert.Null(await Move(key));
        Assert.Null(await Move("../platform/keys/x.json"));
        Assert.Null(await Move("data/set/a.csv"));
        Assert.NotNull((await workspace.Store.Head(key, Cancel)).Value);
    }

    [Fact]
    public async Task RecordOfANewerFormat_IsRefusedByName_AndNotMoved()
    {
        var key = WorkspacePaths.Trigger("on-mlp");
        await workspace.Store.Put(key, Encoding.UTF8.GetBytes("{\"formatVersion\":7,\"what\":\"ever\"}"), cancel: Cancel);

        using var asked = await platform.Reader.GetAsync("api/triggers/on-mlp", Cancel);
        Assert.Contains("it was written by a newer version of the platform: format 7, this one reads up to 1; upgrade",
            (await asked.Problem(HttpStatusCode.Conflict)).Detail, StringComparison.Ordinal);
        var list = await workspace.Get<TriggerList>("triggers");
        Assert.Equal("on-file", Assert.Single(list.Triggers).Name);
        Assert.True(Assert.Single(list.Damaged!).IsNewer);
        Assert.Equal((FindingKind.Newer, false),
            Assert.Single((await workspace.Doctor()).Where(finding => finding.Object == key).Select(finding => (finding.Kind, finding.CanMove))));
        Assert.Null(await Move(key));
        await workspace.Store.Delete(key, cancel: Cancel);
    }

    [Fact]
    public async Task WhatIsLostOrMisplaced_IsFoundByTheDoctor()
    {
        var (run, version, trigger) = (WorkspacePaths.Run(workspace.Runs[0]), WorkspacePaths.DatasetVersion("digits", 1),
            WorkspacePaths.Trigger("on-file"));
        foreach (var key in (string[])[run, version, trigger]) await workspace.Store.Delete(key, cancel: Cancel);
        await workspace.Store.Put($"{trigger}/inside", "x"u8, cancel: Cancel);
        var found = (await workspace.Doctor()).Select(finding => (finding.Object, finding.Kind)).ToList();
        Assert.Contains((run, FindingKind.Missing), found);
        Assert.Contains((version, FindingKind.Missing), found);
        Assert.Contains(($"{trigger}/inside", FindingKind.Stray), found);
        await workspace.Store.Delete($"{trigger}/inside", cancel: Cancel);
    }

    [Fact]
    public async Task AFileInThePlaceOfAFolderOfRecords_IsFoundByTheDoctor()
    {
        await foreach (var report in workspace.Store.List(WorkspacePaths.Reports, cancel: Cancel)) await workspace.Store.Delete(
            report.Key, cancel: Cancel);
        await workspace.Store.Put(WorkspacePaths.Reports.TrimEnd('/'), "x"u8, cancel: Cancel);
        Assert.Contains(await workspace.Doctor(), finding => finding.Object == "reports" && finding.Kind == FindingKind.Stray);
        await workspace.Store.Delete("reports", cancel: Cancel);
    }

    [Fact]
    public async Task AFolderInThePlaceOfAMark_IsFoundByTheDoctor()
    {
        string[] marks =
        [
            WorkspacePaths.AnnouncedFilesPart(77), WorkspacePaths.GivenNumbers + "other/000001", WorkspacePaths.GivenVersions + "p/e/000001",
            WorkspacePaths.Active + workspace.Runs[0],
        ];
        foreach (var mark in marks)
        {
            await workspace.Store.Delete(mark, cancel: Cancel);
            await workspace.Store.Put($"{mark}/inside", "x"u8, cancel: Cancel);
        }

        var found = await workspace.Doctor();
        Assert.All(marks, mark => Assert.Contains(found, finding => finding.Object == mark && finding.Kind == FindingKind.Stray));
        foreach (var mark in marks) await workspace.Store.Delete($"{mark}/inside", cancel: Cancel);
    }

    /// <summary>What lists records, where one of them is, and who else asks for it.</summary>
    public static TheoryData<string, string, bool, string?> Lists => new()
    {
        { "runs", "runs/RUN.json", false, "runs/RUN" },
        { "triggers", "triggers/on-file.json", false, "triggers/on-file" },
        { "datasets", "datasets/digits/v000001.json", false, "datasets/digits/1" },
        { "machines", "workers/w1.json", false, null },
        { "reports", "reports/REPORT/report.json", false, "reports/REPORT" },
        { "projects/pruning/experiments/mlp/versions", "projects/pruning/mlp/v000999.json", false,
            "projects/pruning/experiments/mlp/versions/diff?from=1&to=999" },
        { "triggers/on-file/firings", "firings/on-file/abc.json", false, "triggers/on-file/firings/abc" },
        { "webhooks", "webhooks/workspace/team.json", true, "webhooks/team" },
        { "webhooks/team/undelivered", "undelivered/workspace/team/abc.json", true, null },
        { "keys", "keys/abc.json", true, null },
    };

    [Theory]
    [MemberData(nameof(Lists))]
    public async Task WhateverStandsInThePlaceOfARecord_IsNamedByItsList_AnsweredAsDamage_AndFoundByTheDoctor(
        string list, string key, bool isPlatform, string? one)
    {
        var report = (await workspace.Get<ReportList>("reports")).Reports[0].Id;
        (key, one) = (Known(key), one is null ? null : Known(one));
        var path = Path.Combine(platform.Folder, isPlatform ? "platform" : LocalWorkspaces.Default, key);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var before = File.Exists(path) ? await File.ReadAllBytesAsync(path, Cancel) : null;
        foreach (var (what, put) in ((string, Action)[])
        [
            ("a folder", () => Directory.CreateDirectory(path)),
            ("a link", () => File.CreateSymbolicLink(path, "/nowhere")),
            ("a named pipe", () => System.Diagnostics.Process.Start("mkfifo", [path]).WaitForExit()),
        ])
        {
            File.Delete(path);
            put();
            try
            {
                var damaged = (await workspace.Get<JsonElement>(list)).GetProperty("damaged").Deserialize<DamagedRecord[]>(CoreJson.Options)!;
                Assert.Equal((key, $"it is {what}, not a file"), Assert.Single(damaged.Select(damage => (damage.Key, damage.Why))));
                Assert.Contains(
                    await workspace.Doctor(),
                    finding => finding.Object == key && finding.Kind == FindingKind.Stray
                        && finding.Why.StartsWith($"it is {what}", StringComparison.Ordinal));
                if (one is null) continue;
                using var asked = await platform.Admin.GetAsync($"api/{one}", Cancel);
                Assert.Contains($"it is {what}, not a file", (await asked.Problem(HttpStatusCode.Conflict)).Detail, StringComparison.Ordinal);
                if (list is not ("triggers" or "webhooks")) continue;
                using var removed = await platform.Admin.DeleteAsync($"api/{one}", Cancel);
                await removed.Problem(HttpStatusCode.Conflict);
            }
            finally
            {
                if (Directory.Exists(path)) Directory.Delete(path);
                else File.Delete(path);
                if (before is not null) await File.WriteAllBytesAsync(path, before, CancellationToken.None);
            }
        }

        string Known(string text) =>
            text.Replace("RUN", workspace.Runs[0], StringComparison.Ordinal).Replace("REPORT", report, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2000000000")]
    [InlineData("-1")]
    public async Task ARunWhoseStreamEndsWhereNoneCan_IsDamaged_AndNobodyLooksForItsParts(string segment)
    {
        var key = WorkspacePaths.Run(workspace.Runs[0]);
        var record = Encoding.UTF8.GetString((await workspace.Store.Get(key, cancel: Cancel))!.Body);
        var damaged = record.Replace("\"segment\":0,\"lengthBytes\":7", $"\"segment\":{segment},\"lengthBytes\":7", StringComparison.Ordinal);
        Assert.NotEqual(record, damaged);
        await workspace.Store.Put(key, Encoding.UTF8.GetBytes(damaged), cancel: Cancel);
        using var asked = await platform.Reader.GetAsync($"api/runs/{workspace.Runs[0]}/logs", Cancel);
        await asked.Problem(HttpStatusCode.Conflict);
        Assert.Contains(await workspace.Doctor(), finding => finding.Object == key && finding.Kind == FindingKind.Damaged);
        await workspace.Store.Put(key, Encoding.UTF8.GetBytes(record), cancel: Cancel);
    }

    [Fact]
    public async Task ADamagedVersionOfADataset_IsAClearProblem()
    {
        await workspace.Store.Put(WorkspacePaths.DatasetVersion("digits", 1), "{"u8, cancel: Cancel);
        using var asked = await platform.Reader.GetAsync("api/datasets/digits/1", Cancel);
        Assert.Equal("Damaged record", (await asked.Problem(HttpStatusCode.Conflict)).Title);
        await workspace.Store.Delete(WorkspacePaths.DatasetVersion("digits", 1), cancel: Cancel);
    }

    [Fact]
    public async Task WhatRecordsNameAndIsNotThere_IsFoundByTheDoctor()
    {
        var run = workspace.Runs[0];
        string[] gone =
        [
            WorkspacePaths.Artifact(run, 1, "model"), WorkspacePaths.CheckpointChunk(run, 1, "piece"), WorkspacePaths.LogSegment(run, 1, 0),
        ];
        foreach (var key in gone) await workspace.Store.Delete(key, cancel: Cancel);
        await foreach (var content in workspace.Store.List(WorkspacePaths.Contents, cancel: Cancel)) gone = [.. gone, content.Key];
        await workspace.Store.Delete(gone[^1], cancel: Cancel);
        var found = (await workspace.Doctor()).Where(finding => finding.Kind == FindingKind.Missing).Select(finding => finding.Object).ToList();
        Assert.All(gone, key => Assert.Contains(key, found));
    }

    private async Task<string?> Move(string key)
    {
        using var answer = await platform.Admin.PostAsJsonAsync("api/doctor", new DoctorMove(key), CoreJson.Options, Cancel);
        return (await answer.Read<DoctorMoved>()).To;
    }
}
