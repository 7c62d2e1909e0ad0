using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Serverless.Tests.Support;

/// <summary>
/// A program that uses the SDK, compiled from source as experiment code is, and run as a process of its own with the worker's libraries beside it:
/// libtorch is in the worker's output only, so each program is put into a folder of links to that output.
/// </summary>
sealed class SdkProgram
{
    private const string ImplicitUsings = "global using System; global using System.Collections.Generic; global using System.IO; global using " +
        "System.Linq; global using System.Threading; global using System.Threading.Tasks;";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly Lazy<string> Folder = new(LinkWorkerOutput);
    private static readonly ConcurrentDictionary<string, Lazy<SdkProgram>> Compiled = new();
    private readonly string dll;

    private SdkProgram(string dll) => this.dll = dll;

    /// <summary>Folder of the worker's build output.</summary>
    public static string WorkerOutput { get; } = AppContext.BaseDirectory.Replace(
        Path.Combine("tests", "bin"), Path.Combine("gpu-worker", "bin"), StringComparison.Ordinal);

    /// <summary>Folder of the sample experiments.</summary>
    public static string Experiments { get; } = Path.Combine(SourceRoot(), "experiments");

    public sealed record Outcome(int ExitCode, string Output, string Errors)
    {
        public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        public Outcome Succeeded()
        {
            Assert.True(ExitCode == 0, $"exit code {ExitCode}\n{Output}\n{Errors}");
            return this;
        }
    }

    /// <summary>Compiles statements with the usings that nearly every program wants.</summary>
    public static SdkProgram Of(string statements, params string[] files) =>
        Compile([$"using Serverless; using TorchSharp; using static TorchSharp.torch;\nvar run = Run.Current;\n{statements}",
            .. files.Select(File.ReadAllText)]);

    /// <summary>A whole program, with its own usings.</summary>
    public static SdkProgram OfSource(string source) => Compile([source]);

    /// <summary>One of the sample experiments.</summary>
    public static SdkProgram OfExperiment(string name) =>
        Compile([File.ReadAllText(Path.Combine(Experiments, name, "train.cs")), .. SharedFiles().Select(File.ReadAllText)]);

    /// <summary>The C# files that all sample experiments share.</summary>
    public static string[] SharedFiles() => Directory.GetFiles(Path.Combine(Experiments, "shared"), "*.cs");

    /// <summary>Runs to the end.</summary>
    /// <param name="variables">Environment; every EXP_ variable of the tests' own environment is removed.</param>
    public async Task<Outcome> Run(string workingFolder, IEnumerable<(string Name, string Value)> variables, params string[] arguments)
    {
        using var process = Start(workingFolder, variables, arguments);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Patience);
        try
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(deadline.Token), process.StandardError.ReadToEndAsync(deadline.Token));
            var outcome = (await output, await errors);
            await process.WaitForExitAsync(deadline.Token);
            return new(process.ExitCode, outcome.Item1, outcome.Item2);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    public Process Start(string workingFolder, IEnumerable<(string Name, string Value)> variables, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = workingFolder,
        };
        string[] all =
        [
            "exec", "--depsfile", InFolder("Serverless.GpuWorker.deps.json"), "--runtimeconfig", InFolder("Serverless.GpuWorker.runtimeconfig.json"),
            dll, .. arguments,
        ];
        foreach (var argument in all) start.ArgumentList.Add(argument);
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("EXP_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in variables) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    private static SdkProgram Compile(string[] sources) => Compiled.GetOrAdd(string.Join('\0', sources), _ => new(() => CompileNow(sources))).Value;

    private static SdkProgram CompileNow(string[] sources)
    {
        var parsing = CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Latest);
        var name = string.Create(CultureInfo.InvariantCulture, $"program{Interlocked.Increment(ref programs)}");
        var framework = Directory.GetFiles(RuntimeEnvironment.GetRuntimeDirectory(), "System*.dll")
            .Append(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "netstandard.dll"));
        string[] libraries =
        [
            "TorchSharp.dll", "Serverless.Sdk.dll", .. Directory.GetFiles(WorkerOutput, "Microsoft.ML*.dll").Select(f => Path.GetFileName(f)),
        ];
        var references = framework.Where(IsManaged).Concat(libraries.Select(InFolder)).Select(f => MetadataReference.CreateFromFile(f));
        var options = new CSharpCompilationOptions(OutputKind.ConsoleApplication, optimizationLevel: OptimizationLevel.Release, allowUnsafe: true,
            nullableContextOptions: NullableContextOptions.Annotations);
        var trees = sources.Append(ImplicitUsings).Select(s => CSharpSyntaxTree.ParseText(s, parsing));
        var emitted = CSharpCompilation.Create(name, trees, references, options).Emit(InFolder(name + ".dll"));
        Assert.True(emitted.Success, string.Join('\n', emitted.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error)));
        return new(InFolder(name + ".dll"));
    }

    private static int programs;

    private static bool IsManaged(string file) => !Path.GetFileName(file).Contains("Native", StringComparison.Ordinal);

    private static string InFolder(string file) => Path.Combine(Folder.Value, file);

    private static string LinkWorkerOutput()
    {
        var folder = Directory.CreateTempSubdirectory("sdk-programs-").FullName;
        foreach (var file in Directory.GetFiles(WorkerOutput)) File.CreateSymbolicLink(Path.Combine(folder, Path.GetFileName(file)), file);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => TemporaryFolder.Delete(folder);
        return folder;
    }

    private static string SourceRoot([CallerFilePath] string thisFile = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", ".."));
}
