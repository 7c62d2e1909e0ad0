using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Functions.Hosting;

namespace Serverless.Bench;

/// <summary>The other processes of measures: this program, started with <c>child NAME</c>.</summary>
static partial class Children
{
    private const int SigTerm = 15;

    public static async Task<int> Run(string[] args) => args switch
    {
        ["tiny"] => Tiny(),
        ["serve", var folder] => await Serve(folder),
        ["receive", var file, var queue, var count] => await Receive(file, queue, int.Parse(count, CultureInfo.InvariantCulture)),
        ["bare", var worker, var program, .. var parameters] => BareProgram.Run(worker, program, parameters),
        _ => throw new ArgumentException($"no such child: {string.Join(' ', args)}", nameof(args)),
    };

    public static ProcessStartInfo StartInfo(params IEnumerable<string> args) => Dotnet([typeof(Children).Assembly.Location, "child", .. args]);

    /// <summary>The same dotnet that runs this process.</summary>
    public static ProcessStartInfo Dotnet(IEnumerable<string> args)
    {
        var dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
        return new(File.Exists(dotnet) ? dotnet : "dotnet", args) { RedirectStandardOutput = true };
    }

    public static void Terminate(Process process)
    {
        if (OperatingSystem.IsWindows()) process.Kill(entireProcessTree: true);
        else if (!process.HasExited) _ = Kill(process.Id, SigTerm);
    }

    // What a tiny run does, as a program of its own.
    private static int Tiny()
    {
        Console.WriteLine(Stopwatch.GetTimestamp());
        return 0;
    }

    /// <summary>The API without workers.</summary>
    private static async Task<int> Serve(string folder)
    {
        using var stop = new CancellationTokenSource();
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            stop.Cancel();
        });
        await using var host = await EmbeddedHost.Start(new() { DataFolder = folder }, stop.Token);
        Console.WriteLine(host.Address);
        await Task.WhenAny(Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop.Token), host.Completion);
        return 0;
    }

    /// <summary>Says for each message how long it was under way, in microseconds: the monotonic clock is one for all processes.</summary>
    private static async Task<int> Receive(string file, string queue, int count)
    {
        using var bus = new SqliteMessageBus(file, TimeProvider.System, new SystemIds(TimeProvider.System));
        Console.WriteLine("ready");
        for (var i = 0; i < count; i++)
        {
            var received = await bus.Receive(queue, TimeSpan.FromSeconds(30)) ?? throw new TimeoutException("no message came for 30 s");
            var hop = Stopwatch.GetElapsedTime(long.Parse(received.Message.Body, CultureInfo.InvariantCulture));
            await bus.Complete(received);
            Console.WriteLine(hop.TotalMicroseconds.ToString(CultureInfo.InvariantCulture));
        }

        return 0;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Kill(int processId, int signal);
}
