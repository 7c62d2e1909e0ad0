using System.Net;
using Serverless.Core.Workspaces;
using Serverless.Functions.Hosting;
using Serverless.Tests.Support;

namespace Serverless.Tests.Functions;

/// <summary>Something odd at each path that a platform knows in its data folder: before it starts, and while it runs.</summary>
public sealed class OddFolderTests : IDisposable
{
    private static readonly OddThing[] All = Enum.GetValues<OddThing>();
    private readonly TemporaryFolder folder = new(), elsewhere = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        folder.Dispose();
        elsewhere.Dispose();
    }

    /// <summary>Every path that a start depends on.</summary>
    public static TheoryData<string, bool> Needed => new(DataFolderLayout.Needed.Select(needed => (needed.Path, needed.IsFolder)));

    public static TheoryData<string> Served => new(DataFolderLayout.Served.Except(DataFolderLayout.Needed.Select(needed => needed.Path)));

    [Theory]
    [MemberData(nameof(Needed))]
    public async Task AStart_WithSomethingOddInItsWay_SaysInOneSentenceWhatAndWhere_AndLeavesItAlone(string path, bool isFolder)
    {
        var full = Path.Combine(folder.Path, path);
        foreach (var thing in All.Where(thing => thing != (isFolder ? OddThing.EmptyFolder : OddThing.File)))
        {
            thing.Put(full, elsewhere.Path, isFolder);
            var refused = await Record.ExceptionAsync(async () => await (await Start()).DisposeAsync());

            // A folder of its own may be a link to one on another disk.
            if (refused is null) Assert.Equal((OddThing.LinkElsewhere, true), (thing, isFolder));
            else Assert.StartsWith($"{full} is a", Assert.IsType<StartException>(refused).Message, StringComparison.Ordinal);
            if (refused is not null) Assert.DoesNotContain('\n', refused.Message);
            if (refused is not null) Assert.Empty(Directory.EnumerateFileSystemEntries(elsewhere.Path));
            Clear();
        }
    }

    [Fact]
    public async Task AStart_WithSeveralThingsInItsWay_NamesThemAll()
    {
        string[] paths = ["workspace/.store", "bus", "platform/keys", "worker", "exp.lock"];
        foreach (var path in paths) OddThing.Pipe.Put(Path.Combine(folder.Path, path), elsewhere.Path, isFolder: true);
        var refused = await Assert.ThrowsAsync<StartException>(Start);
        Assert.All(paths, path => Assert.Contains($"{Path.Combine(folder.Path, path)} is a named pipe", refused.Message, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Served))]
    public async Task AFolderOfRecords_ThatIsSomethingElse_IsSaidAtTheStart_AndTheRestIsServed(string path)
    {
        var full = Path.Combine(folder.Path, path);
        foreach (var thing in All.Where(thing => thing != OddThing.EmptyFolder))
        {
            thing.Put(full, elsewhere.Path, isFolder: true);
            var log = new LogLines();
            await using (var host = await Start(log))
            {
                Assert.Contains(log.All, line => line.Contains($" {full} is a", StringComparison.Ordinal));
                var examined = await AsksForEverything(host, $"{path} as {thing}");
                Assert.Contains($"\"object\":\"{path[(path.IndexOf('/') + 1)..]}\"", examined, StringComparison.Ordinal);
            }

            Assert.Empty(Directory.EnumerateFileSystemEntries(elsewhere.Path));
            Clear();
        }
    }

    /// <summary>What is answered is up to what was replaced; something is, and nothing is written through a link.</summary>
    [Fact]
    public async Task WhileThePlatformRuns_WhateverBecomesOfItsFolders_EveryRequestIsAnswered_AndItGoesOnOnceTheyAreBack()
    {
        await using var host = await Start();
        using var client = Client(host);
        foreach (var (path, isFolder) in DataFolderLayout.Needed.Concat(DataFolderLayout.Served.Select(path => (path, true))))
        {
            var (full, kept) = (Path.Combine(folder.Path, path), Path.Combine(elsewhere.Path, "kept"));
            foreach (var thing in (OddThing[])[OddThing.File, OddThing.DanglingLink, OddThing.Pipe])
            {
                if (Directory.Exists(full)) Directory.Move(full, kept);
                else if (File.Exists(full)) File.Move(full, kept);
                try
                {
                    if (thing != OddThing.File || isFolder) thing.Put(full, elsewhere.Path, isFolder);
                    foreach (var question in Questions)
                    {
                        using var answer = await client.GetAsync($"api/{question}", Cancel).WaitAsync(TimeSpan.FromMinutes(1), Cancel);
                        Assert.NotEqual(HttpStatusCode.InternalServerError, answer.StatusCode);
                    }
                }
                finally
                {
                    File.Delete(full);
                    if (Directory.Exists(kept)) Directory.Move(kept, full);
                    else if (File.Exists(kept)) File.Move(kept, full, overwrite: true);
                }
            }
        }

        using var runs = await client.GetAsync("api/runs", Cancel);
        Assert.Equal(HttpStatusCode.OK, runs.StatusCode);
        Assert.Empty(Directory.EnumerateFileSystemEntries(elsewhere.Path));
    }

    private static readonly string[] Questions =
    [
        "runs", "datasets", "triggers", "webhooks", "keys", "machines", "reports", "files?prefix=data/", "dead-letters",
    ];

    private Task<EmbeddedHost> Start() => Start(new LogLines());

    private Task<EmbeddedHost> Start(LogLines log) => EmbeddedHost.Start(new()
    {
        DataFolder = folder.Path,
        Log = log,
    });

    private static HttpClient Client(EmbeddedHost host)
    {
        var client = new HttpClient { BaseAddress = host.Address };
        client.DefaultRequestHeaders.Authorization = new("Bearer", File.ReadAllText(host.AdminKeyFile).Trim());
        return client;
    }

    /// <returns>What the doctor found.</returns>
    private static async Task<string> AsksForEverything(EmbeddedHost host, string what)
    {
        using var client = Client(host);
        foreach (var question in Questions)
        {
            using var answer = await client.GetAsync($"api/{question}", Cancel);
            Assert.True(
                (int)answer.StatusCode < 500, $"{what}: {question}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(Cancel)}");
        }

        var examined = await client.GetStringAsync("api/doctor", Cancel);
        Assert.Contains("\"end\"", examined, StringComparison.Ordinal);
        return examined;
    }

    private void Clear()
    {
        foreach (var at in (string[])[folder.Path, elsewhere.Path])
        {
            foreach (var entry in new DirectoryInfo(at).EnumerateFileSystemInfos())
            {
                if (entry is DirectoryInfo { LinkTarget: null } inside) inside.Delete(recursive: true);
                else entry.Delete();
            }
        }
    }

    /// <summary>Versions of files are told apart by their times.</summary>
    [Fact]
    public void AFileSystemThatKeepsWholeSeconds_IsRefused()
    {
        using var folder = new TemporaryFolder();
        Assert.Null(DataFolderLayout.TimesProblem(folder.Path));
        var problem = DataFolderLayout.TimesProblem(
            folder.Path, (file, time) => File.SetLastWriteTimeUtc(file, time.AddTicks(-(time.Ticks % TimeSpan.TicksPerSecond))));
        Assert.Contains("keeps the times of files too coarsely", problem, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }
}
