using System.Security.Cryptography;
using System.Text;
using Serverless.Core.Runs;
using Serverless.GpuWorker.Compile;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Prepare;

/// <summary>Builds a project of a snapshot with the .NET SDK of this machine, once per snapshot.</summary>
/// <param name="give">Gives an entry of the cache to the code.</param>
/// <param name="user">Whom the build runs as; null: as this process does.</param>
sealed class ProjectBuild(FolderCache builds, Func<CacheEntry, string> give, CodeUser? user)
{
    private const string Output = "out";

    /// <returns>Path of the program's assembly.</returns>
    public async Task<string> Build(
        CacheEntry source, RunRecord run, string project, IReadOnlyDictionary<string, string> environment, Steps steps, CancellationToken cancel)
    {
        var what = $"project\n{run.Spec.Code.Tree}\n{project}\n{CompileReferences.Identity}\n{EnvironmentKey(run)}";
        var key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(what)));
        var built = give(await builds.GetOrMake(key, async folder =>
        {
            // Building writes beside the sources (obj/), and projects refer to one another by relative paths: the whole tree is copied.
            var copy = Path.Combine(folder, "src");
            Folders.Copy(source.Folder, copy, steps.LeaveOut, cancel);
            source.Verify();
            user?.Give(folder);
            string[] command =
            [
                "dotnet", "publish", "./" + project, "--configuration", "Release", "--output", Path.Combine(folder, Output),
                "--nologo", "--verbosity", "quiet", "-consoleLoggerParameters:NoSummary",
                "-nodeReuse:false", "-p:UseSharedCompilation=false", $"-p:PathMap={copy}/=./",
                $"-p:CustomAfterMicrosoftCommonTargets={Path.Combine(AppContext.BaseDirectory, "ExperimentProject.targets")}",
                $"-p:ServerlessWorker={AppContext.BaseDirectory}",
            ];
            await steps.Run("build", command, copy, Quiet(environment), run.Spec);
            builds.Delete(copy);
            if (user is not null) CodeUser.TakeBack(folder);
        }, steps.Say, cancel, steps.Waiting(run.Spec)));
        return Program(Path.Combine(built, Output), Path.GetFileNameWithoutExtension(project));
    }

    /// <summary>Where a program that was built here finds libtorch.</summary>
    public static void AddLibraries(Dictionary<string, string> environment)
    {
        var ours = ((string?)AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") ?? AppContext.BaseDirectory).Trim(Path.PathSeparator);
        var name = OperatingSystem.IsMacOS() ? "DYLD_LIBRARY_PATH" : "LD_LIBRARY_PATH";
        environment[name] = environment.TryGetValue(name, out var before) && before.Length > 0 ? $"{before}{Path.PathSeparator}{ours}" : ours;
    }

    private static string Program(string folder, string project)
    {
        const string Suffix = ".runtimeconfig.json";
        var programs = Directory.GetFiles(folder, "*" + Suffix).Select(file => Path.GetFileName(file)[..^Suffix.Length]).ToList();
        return (programs.Contains(project) ? [project] : programs) switch
        {
            [var name] => Path.Combine(folder, name + ".dll"),
            [] => throw new PreparationException(Cause.Build, $"{project}.csproj gives no program: it needs <OutputType>Exe</OutputType>"),
            _ => throw new PreparationException(Cause.Build, $"{project}.csproj gives several programs: {string.Join(", ", programs)}"),
        };
    }

    private static Dictionary<string, string> Quiet(IReadOnlyDictionary<string, string> environment) => new(environment)
    {
        ["DOTNET_NOLOGO"] = "1",
        ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
        ["DOTNET_SKIP_FIRST_TIME_EXPERIENCE"] = "1",
        ["MSBUILDDISABLENODEREUSE"] = "1",
    };

    private static string EnvironmentKey(RunRecord run) =>
        string.Join('\n', run.Spec.Env.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}"));
}
