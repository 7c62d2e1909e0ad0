using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.GpuWorker.Collect;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Prepare;

/// <summary>What a runner is to do, and how warm it should be.</summary>
/// <param name="Known">Checkpoint files that are stored already.</param>
sealed record Prepared(Assignment Assignment, Temperature Temperature, IReadOnlyList<CheckpointManifest> Known)
{
    /// <summary>Whether the code runs inside the runner, whose libraries may have read their variables already.</summary>
    public bool RunsInRunner => Assignment.Assembly is not null;
}

/// <summary>Everything between the claim and the code's first line. The caches are shared by all agents of the machine.</summary>
sealed class Preparation(string cache, IIds ids, TimeProvider time, RunnerPool pool, CodeUser? user)
{
    private const long MaxCodeBytes = 4L << 30, MaxBuildBytes = 8L << 30, MaxInputBytes = 50L << 30;
    private static readonly TimeSpan KeepAtLeast = TimeSpan.FromDays(1);

    private readonly FolderCache snapshotFolders = new(Path.Combine(cache, "code"), ids, time);
    private readonly FolderCache builds = new(Path.Combine(cache, "build"), ids, time);
    private readonly SetupCache setups = new(Path.Combine(cache, "setup"), user);
    private readonly InputCache inputs = new(Path.Combine(cache, "inputs"), ids, time);

    /// <summary>Gives room back; when nothing else is to do.</summary>
    public void Trim()
    {
        snapshotFolders.Trim(MaxCodeBytes, KeepAtLeast);
        builds.Trim(MaxBuildBytes, KeepAtLeast);
        inputs.Trim(MaxInputBytes, KeepAtLeast);
    }

    /// <exception cref="PreparationException">The run cannot be executed; why is in it.</exception>
    /// <exception cref="OperationCanceledException">The attempt is to end.</exception>
    public async Task<Prepared> Prepare(IObjectStore store, RunRecord run, WorkFolder folder, string device, LogCollector log, Omissions omissions, StopSignal stop)
    {
        var cancel = stop.Asked;
        var spec = run.Spec;
        var environment = RunEnvironment.For(run, folder, device, user);
        var steps = new Steps(pool, log, omissions, stop, time);
        user?.Give(folder.Output);
        user?.Give(folder.Temporary);
        var source = await new SnapshotCache(snapshotFolders).Get(store, spec.Code, cancel);
        await File.WriteAllBytesAsync(folder.Params, JsonSerializer.SerializeToUtf8Bytes(spec.Params, CoreJson.Options), cancel);
        foreach (var input in spec.Inputs) await inputs.Materialize(store, input, folder.Inputs, cancel);
        foreach (var dataset in spec.Datasets) await inputs.Materialize(store, dataset, folder.Inputs, cancel);
        List<CheckpointManifest> known = [];
        if (run.Head is { } head) known.Add(await CheckpointFolder.Materialize(store, head.Manifest, folder.Resume, cancel));
        if (spec.From is { } from) await CheckpointFolder.Materialize(store, from.Manifest, folder.From, cancel);

        if (spec.Setup is { } setup) await setups.Copy(source, spec, setup, environment, steps, folder.Code, time, cancel);
        else Folders.Copy(source, folder.Code, steps.LeaveOut);
        user?.Give(folder.Code);

        switch (EntryPoint.Parse(spec.Command))
        {
            case EntryPoint.CSharp(var file, var arguments):
                var assembly = await Compile(source, spec.Code.Tree, file, log, cancel);
                var temperature = CompileReferences.Uses(assembly, "TorchSharp") ? Temperature.Torch : Temperature.Plain;
                return new(new() { Folder = folder.Code, Environment = environment, Assembly = assembly, Command = arguments }, temperature, known);
            case EntryPoint.Project(var file, var arguments):
                var program = await new ProjectBuild(builds, user).Build(source, run, file, environment, steps, cancel);
                ProjectBuild.AddLibraries(environment);
                return Command(["dotnet", program, .. arguments]);
            case EntryPoint.Shell(var line):
                return Command(["/bin/sh", "-c", line]);
            default:
                throw new PreparationException(Cause.Invalid, $"the command '{spec.Command}' names a folder; name the entry in it");
        }

        Prepared Command(IReadOnlyList<string> command) =>
            new(new() { Folder = folder.Code, Environment = environment, Command = command }, Temperature.Plain, known);
    }

    private async Task<string> Compile(string source, string tree, string entry, LogCollector log, CancellationToken cancel)
    {
        if (!File.Exists(Path.Combine(source, entry))) throw new PreparationException(Cause.Invalid, $"the code has no file '{entry}'");
        var key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"csharp\n{tree}\n{entry}\n{CSharpCompiler.Identity}")));
        var built = await builds.GetOrMake(key, folder =>
            Task.Run(() => CSharpCompiler.Compile(source, entry, folder, log.Print, cancel), cancel), cancel);
        return Path.Combine(built, CSharpCompiler.AssemblyFile);
    }
}
