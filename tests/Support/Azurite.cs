using System.Diagnostics;
using Azure.Storage;
using Azure.Storage.Blobs;
using Serverless.Cloud;
using Serverless.Tests.Support;

[assembly: AssemblyFixture(typeof(Azurite))]

namespace Serverless.Tests.Support;

/// <summary>
/// The emulator of Azure Storage: installed by npm into the user's cache folder the first time, started when the first test asks, on a free loopback
/// port, with its data in memory. It ends with this process, however that ends: it is given an input that closes.
/// </summary>
public sealed class Azurite : IAsyncDisposable
{
    private const string Version = "3.35.0";
    private const string Needed = "the tests of the Azure adapters run against Azurite, which needs Node.js 20 or newer with npm on the PATH " +
        "(https://nodejs.org)";

    // The account that every copy of the emulator has; its key is public.
    private const string Account = "devstoreaccount1";
    private const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    // The newest client library speaks a newer API version than the emulator knows.
    private const string Script = """
        process.stdin.on('end', () => process.exit(0)).resume();
        process.argv.splice(1, 0, 'azurite-blob');
        require('azurite/dist/src/blob/main.js');
        """;

    private static readonly string[] Arguments =
        ["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"];

    private readonly SemaphoreSlim starting = new(1, 1);
    private Process? process;
    private Uri? address;

    /// <summary>The storage account; started and ready.</summary>
    /// <param name="options">Those of <see cref="BlobClients.Options"/>, unless the test is about others.</param>
    public async Task<BlobServiceClient> Client(CancellationToken cancel, BlobClientOptions? options = null)
    {
        await starting.WaitAsync(cancel);
        try
        {
            address ??= await Start(cancel);
            return new(address, new StorageSharedKeyCredential(Account, Key), options ?? BlobClients.Options());
        }
        finally
        {
            starting.Release();
        }
    }

    /// <summary>For programs that are told of the account as an emulator's.</summary>
    public async Task<string> ConnectionString(CancellationToken cancel)
    {
        await Client(cancel);
        return $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={Key};BlobEndpoint={address};";
    }

    /// <summary>A container that no other test knows, not made yet.</summary>
    public async Task<BlobContainerClient> NewContainer(CancellationToken cancel, BlobClientOptions? options = null) =>
        (await Client(cancel, options)).GetBlobContainerClient(
            $"test-{Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(8))}");

    public async ValueTask DisposeAsync()
    {
        if (process is null) return;
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private async Task<Uri> Start(CancellationToken cancel)
    {
        var folder = await Install(cancel);
        process = Run("node", ["-e", Script, "--", .. Arguments], folder);
        while (await process.StandardOutput.ReadLineAsync(cancel) is { } line)
        {
            if (line.IndexOf("http://127.0.0.1:", StringComparison.Ordinal) is var at and > 0)
            {
                _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null, CancellationToken.None);
                return new Uri($"{line[at..].Trim()}/{Account}");
            }
        }

        throw new InvalidOperationException($"Azurite did not start: {await process.StandardError.ReadToEndAsync(cancel)}");
    }

    private static async Task<string> Install(CancellationToken cancel)
    {
        var cache = Path.Combine(CacheFolder(), "serverless-tests");
        var folder = Path.Combine(cache, $"azurite-{Version}");
        if (Directory.Exists(folder)) return folder;
        Directory.CreateDirectory(cache);
        using var alone = await LockFile(folder + ".lock", cancel);
        if (Directory.Exists(folder)) return folder;
        var making = folder + ".new";
        TemporaryFolder.Delete(making);
        Directory.CreateDirectory(making);
        using var npm = Run("npm", ["install", "--prefix", making, "--ignore-scripts", "--no-audit", "--no-fund", $"azurite@{Version}"], making);
        var output = npm.StandardOutput.ReadToEndAsync(cancel);
        var errors = await npm.StandardError.ReadToEndAsync(cancel);
        await npm.WaitForExitAsync(cancel);
        if (npm.ExitCode != 0) throw new InvalidOperationException($"npm could not install azurite@{Version}; {Needed}. {errors} {await output}");
        Directory.Move(making, folder);
        return folder;
    }

    private static string CacheFolder() =>
        OperatingSystem.IsWindows() ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
        : Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache
        : Environment.GetEnvironmentVariable("HOME") is { Length: > 0 } home ? Path.Combine(home, ".cache")
        : AppContext.BaseDirectory;

    private static async Task<FileStream> LockFile(string path, CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                return new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(path))
            {
                // Another test run is installing.
                await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, cancel);
            }
        }
    }

    private static Process Run(string program, string[] arguments, string folder)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new InvalidOperationException($"{program} is missing: {Needed}", e);
        }
    }
}
