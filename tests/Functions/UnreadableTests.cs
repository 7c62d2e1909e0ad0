using System.Diagnostics;
using System.Text.Json;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Triggers;
using Serverless.Core.Workspaces;
using Serverless.Functions.Hosting;
using Serverless.Tests.Support;

namespace Serverless.Tests.Functions;

/// <summary>What may not be read, to a process whose user is not root: to root nothing is forbidden.</summary>
public sealed class UnreadableTests
{
    [Fact]
    public async Task WhatMayNotBeRead_IsNamedAtTheStart_OrByItsList()
    {
        using var folder = new TemporaryFolder();
        string[] around = [];
        if (Environment.UserName == "root")
        {
            Assert.SkipUnless(OperatingSystem.IsLinux(), "setpriv is a thing of Linux");
            Process.Start("chown", ["65534:65534", folder.Path]).WaitForExit();
            around = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", $"HOME={folder.Path}"];
        }

        await using var child = ChildProcess.Start<Ask>(around, folder.Path);
        await child.Success();
    }

    private sealed class Ask : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            var data = Path.Combine(args[0], "data");
            await (await EmbeddedHost.Start(new() { DataFolder = data })).DisposeAsync();
            foreach (var path in DataFolderLayout.Needed.Select(needed => Path.Combine(data, needed.Path)).Where(Path.Exists))
            {
                await While(
                    path, async () =>
                        Assert.Contains(
                            $"{path} cannot be read and written by this user",
                            (await Assert.ThrowsAsync<StartException>(() => EmbeddedHost.Start(new() { DataFolder = data }))).Message,
                            StringComparison.Ordinal));
            }

            var record = Path.Combine(data, "workspace", WorkspacePaths.Trigger("t"));
            Directory.CreateDirectory(Path.GetDirectoryName(record)!);
            await File.WriteAllTextAsync(record, "{}");
            await While(record, async () =>
            {
                var key = File.ReadAllText(Path.Combine(data, "admin.key")).Trim();
                await using var host = await EmbeddedHost.Start(new() { DataFolder = data });
                using var client = new HttpClient { BaseAddress = host.Address };
                client.DefaultRequestHeaders.Authorization = new("Bearer", key);
                var list = JsonSerializer.Deserialize<TriggerList>(await client.GetStringAsync("api/triggers"), CoreJson.Options)!;
                Assert.Equal(Closed(WorkspacePaths.Trigger("t")), Assert.Single(list.Damaged!));
            });

            // Of a run that goes on, a list would have the summary, which is true for as long as somebody renews its lease.
            var running = SampleRuns.Run("7ZZZZZZZZZZZZZZZZZZZZZZZZR", RunState.Running, SampleRuns.Attempt(1));
            var store = new LocalWorkspaces(data, TimeProvider.System).Open(LocalWorkspaces.Default);
            await new RunStore(store).Create(running);
            await While(Path.Combine(data, "workspace", WorkspacePaths.Run(running.Id)), async () =>
            {
                var key = File.ReadAllText(Path.Combine(data, "admin.key")).Trim();
                await using var host = await EmbeddedHost.Start(new() { DataFolder = data });
                using var client = new ServerlessClient(host.Address, key);
                foreach (var query in (RunQuery[])[new(), new() { Where = "state == running" }])
                {
                    var list = await client.ListRuns(query);
                    Assert.Empty(list.Runs);
                    Assert.Equal(Closed(WorkspacePaths.Run(running.Id)), Assert.Single(list.Damaged!));
                }

                var finding = (await client.Examine().ToListAsync()).Select(line => line.Finding).OfType<Finding>()
                    .Single(found => found.Object == WorkspacePaths.Run(running.Id));
                Assert.Contains("chmod", finding.Remedy, StringComparison.Ordinal);
                Assert.False(finding.CanMove);
            });

            // Its key's record: made anew, as a damaged one is.
            var keys = Directory.GetFiles(Path.Combine(data, "platform", "keys"))[0];
            await While(keys, async () => await (await EmbeddedHost.Start(new() { DataFolder = data })).DisposeAsync());
            return 0;
        }

        private static DamagedRecord Closed(string key) =>
            new(key, "the user of this process may not read it; see its permissions", IsClosed: true);

        private static async Task While(string path, Func<Task> forbidden)
        {
            if (OperatingSystem.IsWindows()) return;
            var before = File.GetUnixFileMode(path);
            File.SetUnixFileMode(path, UnixFileMode.None);
            try
            {
                await forbidden();
            }
            finally
            {
                File.SetUnixFileMode(path, before);
            }
        }
    }
}
