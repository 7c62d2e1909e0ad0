using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json;
using Serverless.Tests.Support;

namespace Serverless.Tests.Cloud;

/// <summary>
/// The Azure resources, as the real Bicep compiler sees them. The compiler's package is for Linux on x64; on other machines it cannot run.
/// </summary>
public sealed class InfraTests
{
    private static readonly string Folder = Metadata("Infra");

    public static bool HasCompiler => OperatingSystem.IsLinux() && RuntimeInformation.OSArchitecture == Architecture.X64;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(Skip = "the Bicep compiler's package is for Linux on x64", SkipUnless = nameof(HasCompiler))]
    public async Task Templates_CompileAndLint_WithoutAWord()
    {
        Assert.Equal((0, ""), await Bicep("lint", "main.bicep"));
        var output = Path.Combine(Directory.CreateTempSubdirectory("bicep-").FullName, "main.json");
        try
        {
            Assert.Equal((0, ""), await Bicep("build", "main.bicep", "--outfile", output));
            using var template = JsonDocument.Parse(await File.ReadAllBytesAsync(output, Cancel));
            var given = JsonDocument.Parse(
                await File.ReadAllBytesAsync(Path.Combine(Folder, "main.parameters.json"), Cancel)).RootElement.GetProperty("parameters");
            var known = template.RootElement.GetProperty("parameters");

            // A parameter that the template does not know, or one without a value, fails a deployment after minutes.
            Assert.All(given.EnumerateObject(), parameter => Assert.True(known.TryGetProperty(parameter.Name, out _), parameter.Name));
            Assert.All(
                known.EnumerateObject(),
                parameter =>
                    Assert.True(parameter.Value.TryGetProperty("defaultValue", out _) || given.TryGetProperty(parameter.Name, out _),
                        $"{parameter.Name} has no value"));
        }
        finally
        {
            TemporaryFolder.Delete(Path.GetDirectoryName(output)!);
        }
    }

    [Fact]
    public async Task QueuesAndSubscriptionsThatFunctionsReadFrom_AreDeployed()
    {
        var deployed = System.Text.RegularExpressions.Regex.Matches(
            await File.ReadAllTextAsync(Path.Combine(Folder, "modules/servicebus.bicep"), Cancel), "'([a-z-]+)'")
            .Select(match => match.Groups[1].Value).ToHashSet();
        var triggers = typeof(Serverless.Functions.Hosting.EmbeddedHost).Assembly.GetExportedTypes()
            .SelectMany(type => type.GetMethods()).SelectMany(method => method.GetParameters())
            .SelectMany(parameter => parameter.GetCustomAttributes<Microsoft.Azure.Functions.Worker.ServiceBusTriggerAttribute>()).ToList();
        Assert.NotEmpty(triggers);
        Assert.All(
            triggers, trigger =>
                Assert.Subset(deployed, new[] { trigger.QueueName ?? trigger.TopicName!, trigger.SubscriptionName }.OfType<string>().ToHashSet()));
        Assert.Contains(Serverless.Core.Messaging.QueueNames.FileEvents, deployed);
    }

    [Theory]
    [InlineData("modules/functions.bicep", "functions")]
    [InlineData("modules/workers.bicep", "gpu-worker")]
    public async Task SettingsThatAreDeployed_AreSettingsThatTheCodeReads(string module, string project)
    {
        var root = Path.GetFullPath(Path.Combine(Folder, ".."));
        var code = new List<string>();
        foreach (var folder in (string[])[project, "cloud"])
        {
            foreach (var file in Directory.EnumerateFiles(Path.Combine(root, folder), "*.cs", SearchOption.AllDirectories))
            {
                code.Add(await File.ReadAllTextAsync(file, Cancel));
            }
        }

        var deployed = System.Text.RegularExpressions.Regex.Matches(
            await File.ReadAllTextAsync(Path.Combine(Folder, module), Cancel), @"\bEXP_[A-Z0-9_]+\b");
        Assert.NotEmpty(deployed);
        Assert.All(deployed.Select(match => match.Value).Distinct(),
            setting => Assert.True(code.Any(text => text.Contains($"\"{setting}\"", StringComparison.Ordinal)), setting));
    }

    // Warnings and linter findings go to standard error with exit code 0; any word is a failure here.
    private static async Task<(int ExitCode, string Said)> Bicep(params string[] arguments)
    {
        // Packages are unpacked without the right to execute.
        var program = Path.Combine(Path.GetTempPath(), $"bicep-{Environment.ProcessId}-{Stopwatch.GetTimestamp()}");
        File.Copy(Metadata("Bicep"), program);
        try
        {
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
            }

            using var process = Process.Start(
                new ProcessStartInfo(program, arguments) { WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(Cancel), process.StandardError.ReadToEndAsync(Cancel));
            await process.WaitForExitAsync(Cancel);
            return (process.ExitCode, (await output + await errors).Trim());
        }
        finally
        {
            File.Delete(program);
        }
    }

    private static string Metadata(string key) =>
        typeof(InfraTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(entry => entry.Key == key).Value!;
}
