using System.Diagnostics;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Serverless.Tests.Support;

namespace Serverless.Tests.Client;

/// <summary>What the package's page shows is what works, with nothing but the package.</summary>
public sealed partial class ReadmeTests(SharedPlatform shared)
{
    private static readonly string[] Package = ["Serverless.Client.dll", "Polly.Core.dll"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public void EverySample_Compiles()
    {
        using var folder = new TemporaryFolder();
        var samples = Samples();
        Assert.NotEmpty(samples);
        Assert.All(samples, sample => Compile(sample, folder.Path));
    }

    [Fact]
    public async Task TheFirstSample_SubmitsFollowsAndReads()
    {
        var platform = shared.Platform;
        using var folder = new TemporaryFolder();
        var address = (await File.ReadAllTextAsync(Path.Combine(platform.Data, "address"), Cancel)).Trim();
        var program = Compile(Samples()[0].Replace("http://127.0.0.1:4590", address, StringComparison.Ordinal), folder.Path);

        var start = new ProcessStartInfo("dotnet", [program])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder.Path,
        };
        start.Environment["EXP_KEY"] = (await File.ReadAllTextAsync(Path.Combine(platform.Data, "admin.key"), Cancel)).Trim();
        using var running = Process.Start(start)!;
        var (output, errors) = (running.StandardOutput.ReadToEndAsync(Cancel), running.StandardError.ReadToEndAsync(Cancel));
        await running.WaitForExitAsync(Cancel).WaitAsync(ExpProcess.Patience, Cancel);

        Assert.True(running.ExitCode == 0, await errors);
        Assert.Equal(["step 1 loss=0.1", "step 2 loss=0.2", "step 3 loss=0.3", "Succeeded: Completed", "1: 0.1", "2: 0.2", "3: 0.3"],
            (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private static List<string> Samples() =>
        [.. Code().Matches(File.ReadAllText(Repository.PathOf("client", "README.md"))).Select(match => match.Groups[1].Value)];

    private static string Compile(string sample, string folder)
    {
        const string Usings = "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; " +
            "global using System.Threading; global using System.Threading.Tasks;";
        var framework = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        var references = Directory.GetFiles(framework, "System*.dll").Append(Path.Combine(AppContext.BaseDirectory, Package[0])).Where(IsManaged)
            .Select(file => MetadataReference.CreateFromFile(file));
        var compilation = CSharpCompilation.Create(
            "sample", [CSharpSyntaxTree.ParseText(Usings), CSharpSyntaxTree.ParseText(sample)], references,
            new(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));
        var program = Path.Combine(folder, "sample.dll");
        var made = compilation.Emit(program);
        Assert.True(made.Success, string.Join('\n', made.Diagnostics));
        foreach (var file in Package) File.Copy(Path.Combine(AppContext.BaseDirectory, file), Path.Combine(folder, file), overwrite: true);
        File.WriteAllText(Path.Combine(folder, "sample.runtimeconfig.json"), $$"""
            { "runtimeOptions": { "tfm": "net10.0", "framework": { "name": "Microsoft.NETCore.App", "version": "{{Environment.Version}}" } } }
            """);
        return program;
    }

    private static bool IsManaged(string file)
    {
        try
        {
            System.Reflection.AssemblyName.GetAssemblyName(file);
            return true;
        }
        catch (BadImageFormatException)
        {
            return false;
        }
    }

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Code();
}
