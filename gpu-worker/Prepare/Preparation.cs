using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.GpuWorker.Collect;
using Serverless.GpuWorker.Compile;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Prepare;

/// <summary>What a runner is to do, and how warm it should be.</summary>
/// <param name="Run">The run as it goes on: from the newest of its checkpoints that is whole.</param>
/// <param name="Known">Checkpoint files that are stored already.</param>
sealed record Prepared(RunRecord Run, Assignment Assignment, RunnerKind RunnerKind, IReadOnlyList<CheckpointManifest> Known);

/// <summary>Everything between the claim and the code's first line. The caches are shared by all agents of the machine.</summary>
/// <param name="user">Whom code runs as; null: as this process does, so that it could write to the caches.</param>
/// <param name="worker">The log of this worker.</param>
sealed class Preparation(
    CacheFolders caches, IIds ids, TimeProvider time, RunnerPool pool, Compiler compiler, RunEnvironment around, CodeUser? user, ILogger worker)
{
    private readonly FolderCache snapshotFolders = new(caches.Code, "code", time), builds = new(caches.Builds, "build", time);
    private readonly FolderCache setupFolders = new(caches.Setups, "set-up", time);
    private readonly InputCache inputs = new(caches.Inputs, ids, time, InputCache.WayFor(user));

    /// <summary>Gives room back, whichever cache takes it.</summary>
    public void Trim() =>
        CacheItem.Trim([.. snapshotFolders.Items(), .. builds.Items(), .. setupFolders.Items(), .. inputs.Items()], caches.LimitBytes);

    /// <param name="fallBack">Told that a checkpoint is not whole, and why; answers with the run as it goes on without it.</param>
    /// <exception cref="PreparationException">The run cannot be executed; why is in it.</exception>
    /// <exception cref="OperationCanceledException">The attempt is to end.</exception>
    public async Task<Prepared> Prepare(
        IObjectStore store, RunRecord run, WorkFolder folder, string device, LogCollector log, Omissions omissions, StopRequest stop,
        Func<CheckpointRef, string, Task<RunRecord>> fallBack)
    {
        var cancel = stop.Asked;
        var spec = run.Spec;
        user?.Give(folder.Output);
        user?.Give(folder.Temporary);
        using var source = await new SnapshotCache(snapshotFolders).Get(store, spec.Code, Say, cancel);
        await File.WriteAllBytesAsync(folder.Params, JsonSerializer.SerializeToUtf8Bytes(spec.Params, CoreJson.Options), cancel);
        foreach (var input in spec.Inputs) await inputs.Materialize(store, input, folder, Say, cancel);
        foreach (var dataset in spec.Datasets) await inputs.Materialize(store, dataset, folder, Say, cancel);
        List<CheckpointManifest> known = [];
        while (known.Count == 0 && run.Head is { } head)
        {
            var (whole, why) = await EarlierAttempt.Missing(store, run, head, cancel) is { } missing
                ? (null, missing) : await CheckpointFolder.Materialize(store, head.Manifest, folder.Resume, cancel);
            if (whole is not null)
            {
                known.Add(whole);
                continue;
            }

            folder.Delete(folder.Resume);
            run = await fallBack(head, why!);
        }

        if (spec.From is { } from && await CheckpointFolder.Materialize(store, from.Manifest, folder.From, cancel) is { Problem: { } problem })
        {
            throw new PreparationException(Cause.Invalid, $"the checkpoint that the run starts from is not whole: {problem}");
        }

        var environment = around.For(run, folder, device);
        var steps = new Steps(pool, log, omissions, stop, time, Say);
        if (spec.Setup is { } setup) await new SetupCache(setupFolders, user).Copy(source, spec, setup, environment, steps, folder, cancel);
        else Folders.Copy(source.Folder, folder.Code, steps.LeaveOut, cancel);
        source.Verify();
        user?.Give(folder.Code);
        user?.Give(folder.Home);

        switch (EntryPoint.Parse(spec.Command))
        {
            case EntryPoint.CSharp(var file, var arguments):
                var compiled = Give(await Compile(source, spec, file, log, Say, cancel));
                var assembly = Path.Combine(compiled, CSharpCompiler.AssemblyFile);
                var afresh = spec.Env.Keys.Any(RunnerPool.MustBeSetBeforeStart);
                var temperature = !afresh && UsesTorch(compiled) ? RunnerKind.Torch : RunnerKind.Plain;
                var program = new Assignment
                {
                    Folder = folder.Code,
                    Environment = environment,
                    Assembly = assembly,
                    Command = arguments,
                    Afresh = afresh,
                };
                return new(run, program, temperature, known);
            case EntryPoint.Project(var file, var arguments):
                var built = await new ProjectBuild(builds, Give, user).Build(source, run, file, environment, steps, cancel);
                ProjectBuild.AddLibraries(environment);
                return Command(["dotnet", built, .. arguments]);
            case EntryPoint.Shell(var line):
                return Command(["/bin/sh", "-c", ShellCommand.OfOneProgram(line)]);
            default:
                throw new PreparationException(Cause.Invalid, $"the command '{spec.Command}' names a folder; name the entry in it");
        }

        void Say(string line)
        {
            log.Say(line);
            worker.CacheDiffers(run.Id, line);
        }

        // Where the code could write to it, it gets a copy, unless that takes long.
        string Give(CacheEntry entry)
        {
            if (user is not null || !entry.IsSmall) return folder.Keep(entry);
            using (entry)
            {
                Folders.Copy(entry.Folder, folder.Program, (path, why) => omissions.Add($"program/{path}", why), cancel, withLinks: true);
                entry.Verify();
                return folder.Program;
            }
        }

        Prepared Command(IReadOnlyList<string> command) =>
            new(run, new() { Folder = folder.Code, Environment = environment, Command = command }, RunnerKind.Plain, known);
    }

    private static bool UsesTorch(string compiled) => File.ReadLines(Path.Combine(compiled, CSharpCompiler.ReferencesFile)).Contains("TorchSharp");

    private Task<CacheEntry> Compile(CacheEntry source, RunSpec spec, string entry, LogCollector log, Action<string> say, CancellationToken cancel)
    {
        if (!File.Exists(Path.Combine(source.Folder, entry))) throw new PreparationException(Cause.Invalid, $"the code has no file '{entry}'");
        var key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"program\n{spec.Code.Tree}\n{entry}\n{Compiler.Identity}")));
        return builds.GetOrMake(key, Make, say, cancel, new(spec.Timeout, log.Say));

        async Task Make(string folder)
        {
            await compiler.Compile(new(source.Folder, entry, folder), spec.Timeout, log.Print, cancel);
            source.Verify();
        }
    }
}
