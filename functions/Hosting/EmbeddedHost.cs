using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Serverless.Cloud;
using Serverless.Core;
using Serverless.Core.Access;
using Serverless.Core.Messaging;
using Serverless.Core.Notifications;
using Serverless.Core.Storage;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;

namespace Serverless.Functions.Hosting;

/// <summary>
/// The platform in this process: the functions behind Kestrel, timers and events on the embedded bus, everything kept in one folder. Stopping it at
/// any moment loses nothing; the next start carries on.
/// </summary>
public sealed class EmbeddedHost : IAsyncDisposable
{
    /// <summary>For requests that are being answered; one that follows a log would never end by itself.</summary>
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(1);

    /// <summary>For a connection without a request. Clients that keep theirs notice, and open another.</summary>
    private static readonly TimeSpan IdlePatience = TimeSpan.FromSeconds(20);

    /// <summary>SQLite's limit of 512 bytes, less what follows in the names of the bus's files.</summary>
    private const int LongestFolder = 480;

    private readonly WebApplication app;
    private readonly CancellationTokenSource stop = new();
    private readonly TaskCompletionSource completed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<Task> loops;
    private int disposed;

    private EmbeddedHost(WebApplication app, IEnumerable<Func<CancellationToken, Task>> loops, string adminKeyFile)
    {
        this.app = app;
        AdminKeyFile = adminKeyFile;
        Address = new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        this.loops = [.. loops.Select(loop => Task.Run(() => loop(stop.Token)))];
    }

    /// <summary>Where it answers, <c>http://127.0.0.1:port/</c>.</summary>
    public Uri Address { get; }

    /// <summary>Holds a key with every right, readable by its owner only.</summary>
    public string AdminKeyFile { get; }

    /// <summary>Ends when the host has stopped: signals are its owner's affair.</summary>
    public Task Completion => completed.Task;

    /// <summary>Returns when the API answers.</summary>
    /// <exception cref="StartException">The port is in use, or the folder cannot be written to; the message says what to change.</exception>
    public static async Task<EmbeddedHost> Start(EmbeddedOptions options, CancellationToken cancel = default)
    {
        if (OpenFiles.Problem(OpenFiles.Limit) is { } few) throw new StartException(few);
        var (folder, mended) = MakeFolder(options.DataFolder);
        if (DataFolderLayout.Problems(folder) is { Count: > 0 } problems) throw new StartException(string.Join("; ", problems));
        var app = Build(options, folder);
        var log = app.Services.GetRequiredService<ILogger<EmbeddedHost>>();
        if (mended is not null) log.FolderMended(mended);
        foreach (var warning in DataFolderLayout.Warnings(folder)) log.NotServed(warning);
        var ballast = app.Services.GetRequiredService<Ballast>();
        try
        {
            ballast.GiveUpIfFull();
            var adminKeyFile = Path.Combine(folder, AdminKey.FileName);
            await ballast.Around(() => Done(AdminKey.Ensure(adminKeyFile, app.Services.GetRequiredService<ApiKeys>(), cancel)));
            var functions = FunctionTable.OfThisAssembly();
            var instances = new Instances(app.Services);
            HttpPipeline.Map(app, functions.Http, instances.Of);

            var (bus, damage) = (app.Services.GetRequiredService<IMessageBus>(), app.Services.GetRequiredService<DamageNotices>());
            BusLoop[] busLoops = [.. functions.Bus.Select(
                function => new BusLoop(function, new(function.Method, instances.Of), bus, options.Time, log, damage))];
            await Prepared([.. busLoops.Select(loop => (Func<CancellationToken, Task>)loop.Prepare)], ballast, log, cancel);
            var (workspaces, keys, ids) = (app.Services.GetRequiredService<IWorkspaces>(), app.Services.GetRequiredService<ApiKeys>(),
                app.Services.GetRequiredService<IIds>());
            var files = new FileEvents(workspaces, keys, bus, ids, options.Time, options.FileScan, log);
            await Prepared([files.Prepare], ballast, log, cancel);
            var timers = functions.Timers.Select(function => new TimerLoop(function, new(function.Method, instances.Of), options.Time, log));
            await app.StartAsync(cancel);
            return new(
                app,
                [.. busLoops.Select(loop => (Func<CancellationToken, Task>)loop.Run),
                    .. timers.Select(timer => (Func<CancellationToken, Task>)timer.Run), files.Run, ballast.Keep],
                adminKeyFile);
        }
        catch (Exception e)
        {
            await app.DisposeAsync();
            throw e switch
            {
                IOException { InnerException: AddressInUseException } =>
                    new StartException($"port {options.Port} is in use; choose another one with --port", e),
                SocketException or IOException { InnerException: SocketException } =>
                    new StartException($"cannot listen on {options.Listen}:{options.Port}: {e.Message}", e),
                IOException when ballast.IsForWantOfRoom(e) =>
                    new StartException($"{FolderFaults.NoRoom(folder)}; free some and start again", e),
                UnauthorizedAccessException => new StartException($"{folder} cannot be written to: {e.Message}", e),
                _ => e,
            };
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, 1) == 0)
        {
            try
            {
                await stop.CancelAsync();
                await Task.WhenAll(loops);
                using var patience = new CancellationTokenSource(StopPatience);
                await app.StopAsync(patience.Token);
                await app.DisposeAsync();
                stop.Dispose();
            }
            finally
            {
                completed.SetResult();
            }
        }

        await Completion;
    }

    /// <summary>
    /// What is done before the first request. Where there is no room for it, or the bus is away, the platform starts all the same: what is there can
    /// be read, and deleted; the loops try again.
    /// </summary>
    private static async Task Prepared(IEnumerable<Func<CancellationToken, Task>> all, Ballast ballast, ILogger log, CancellationToken cancel)
    {
        try
        {
            foreach (var prepare in all) await ballast.Around(() => Done(prepare(cancel)));
        }
        catch (Exception e) when (e is StoreFullException or BusUnavailableException)
        {
            log.CannotPrepare(e.Message);
        }
    }

    private static async Task<bool> Done(Task work)
    {
        await work;
        return true;
    }

    private static WebApplication Build(EmbeddedOptions options, string folder)
    {
        // Nothing but what is named here: configuration files, environment variables and console
        // formatting cost time at every start and have no part in this.
        var builder = WebApplication.CreateEmptyBuilder(new() { ApplicationName = typeof(EmbeddedHost).Assembly.GetName().Name });
        builder.Logging.SetMinimumLevel(LogLevel.Trace);
        if (options.Log is { } log) builder.Logging.AddProvider(log);

        // By a factory, so that it ends with everything else.
        if (TelemetryExport.Start("serverless") is { } export) builder.Services.AddSingleton<ILoggerProvider>(_ => export);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(options.Listen, options.Port);

            // One that says nothing is in the way of others.
            kestrel.Limits.MaxConcurrentConnections = OpenFiles.Connections(OpenFiles.Limit);
            kestrel.Limits.KeepAliveTimeout = IdlePatience;
            kestrel.Limits.RequestHeadersTimeout = IdlePatience;

            // Each function bounds the body that it reads.
            kestrel.Limits.MaxRequestBodySize = null;
        });
        builder.Services.AddRoutingCore().AddPlatform().AddEntra(options.Entra)
            .AddSingleton<IHostLifetime, OwnedLifetime>()
            .AddSingleton(options.Time)
            .AddSingleton(all => new Ballast(folder, options.Time, all.GetRequiredService<ILogger<Ballast>>()))
            .AddSingleton(options.Limits)
            .AddSingleton(new SubmissionOptions { MachineClasses = options.MachineClasses })
            .AddSingleton(new WebhookOptions(AllowPrivate: true))
            .AddSingleton(options.Workspaces ?? new LocalWorkspaces(folder, options.Time));
        if (options.Bus is { } bus) builder.Services.AddSingleton(bus);
        else builder.Services.AddSingleton<IMessageBus>(all => new SqliteMessageBus(
            Path.Combine(folder, "bus", "bus.db"), options.Time, all.GetRequiredService<IIds>(),
            new SqliteBusOptions { LockLength = options.LockLength }));
        return builder.Build();
    }

    /// <returns>Its full path, and what was wrong with it and is not any more.</returns>
    private static (string Folder, string? Mended) MakeFolder(string folder)
    {
        try
        {
            folder = Path.GetFullPath(folder);
            if (Encoding.UTF8.GetByteCount(folder) is > LongestFolder and var length)
            {
                throw new StartException($"the path of the data folder is {length} bytes long, at most {LongestFolder} work; choose a shorter one");
            }

            return (folder, PrivateFolder.Ensure(folder));
        }
        catch (NotPrivateException e)
        {
            throw new StartException(e.Message, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartException($"the data folder {folder} cannot be made: {e.Message}", e);
        }
    }

    /// <summary>Stops when its owner says so; the default would listen to the process's signals.</summary>
    private sealed class OwnedLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
