using System.Diagnostics;
using System.Reflection;

namespace Serverless.Bench;

/// <summary>A platform in processes of its own: <c>exp up</c> as people start it, or the API alone.</summary>
sealed class Platform : IAsyncDisposable
{
    private readonly Process process;
    private readonly Task<string> errors;

    private Platform(Process process, Task<string> errors, string folder, Api api) =>
        (this.process, this.errors, Folder, Api) = (process, errors, folder, api);

    public Api Api { get; }
    public string Folder { get; }

    public static string ExpDll { get; } = Built("ExpDll");
    public static string WorkerDll { get; } = Built("WorkerDll");

    public static Task<Platform> Up(Bench bench, int workers, CancellationToken cancel)
    {
        var folder = bench.NewFolder("up");
        return Start(
            Children.Dotnet([ExpDll, "up", "--data", folder, "--port", "0", "--workers", $"{workers}"]), folder, () => Address(folder), cancel);
    }

    /// <param name="folder">May hold a workspace already.</param>
    public static Task<Platform> ApiAlone(string folder, CancellationToken cancel) =>
        Start(Children.StartInfo("serve", folder), folder, null, cancel);

    /// <summary>Ids of the API's process and of the workers, which are its children; not of the runners, their children.</summary>
    public IReadOnlyList<int> ProcessesBesideRuns() =>
        [process.Id, .. Directory.EnumerateDirectories($"/proc/{process.Id}/task")
            .SelectMany(
                thread => File.ReadAllText(Path.Combine(thread, "children"))
                    .Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Select(int.Parse)];

    public async ValueTask DisposeAsync()
    {
        Api.Dispose();
        Children.Terminate(process);
        await process.WaitForExitAsync(CancellationToken.None);
        await errors;
        process.Dispose();
    }

    private static async Task<Platform> Start(ProcessStartInfo start, string folder, Func<Uri?>? recorded, CancellationToken cancel)
    {
        start.RedirectStandardError = true;
        var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        try
        {
            var address = recorded is null ? new Uri(await process.StandardOutput.ReadLineAsync(cancel) ?? throw await Failed()) : null;
            _ = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
            while (address is null)
            {
                if (process.HasExited) throw await Failed();
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, cancel);
                address = recorded!();
            }

            return new(process, errors, folder, new Api(address, (await File.ReadAllTextAsync(Path.Combine(folder, "admin.key"), cancel)).Trim()));
        }
        catch
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            process.Dispose();
            throw;
        }

        async Task<InvalidOperationException> Failed() => new($"the platform did not start: {await errors}");
    }

    private static Uri? Address(string folder) =>
        Path.Combine(folder, "address") is var file && File.Exists(file)
            && Uri.TryCreate(File.ReadAllText(file).Trim(), UriKind.Absolute, out var address) ? address : null;

    private static string Built(string name) => Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory,
        typeof(Platform).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == name).Value!));
}
