using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Serverless.Tests.Support;

/// <summary>What a child process of a test does; its return value is the exit code.</summary>
interface IChildProgram
{
    static abstract Task<int> Run(string[] args);
}

/// <summary>
/// This test program started again as a process of its own, to be killed or stopped for real: <c>await using var child =
/// ChildProcess.Start&lt;Writer&gt;(folder);</c>. It ends with the test, at the latest.
/// </summary>
sealed class ChildProcess : IAsyncDisposable
{
    public const string Switch = "--child";
    private const int SIGKILL = 9;
    private static readonly int SIGSTOP = OperatingSystem.IsLinux() ? 19 : 17;
    private static readonly int SIGCONT = OperatingSystem.IsLinux() ? 18 : 19;
    private readonly Process process;
    private readonly Task<string> errors;

    private ChildProcess(Process process)
    {
        this.process = process;
        errors = process.StandardError.ReadToEndAsync();
    }

    public int Id => process.Id;

    public static ChildProcess Start<T>(params string[] args)
        where T : IChildProgram => Start<T>([], args);

    /// <param name="around">A command to run it under, for instance <c>["bash", "-c", "ulimit -f 64; exec \"$0\" \"$@\""]</c>.</param>
    /// <param name="args">What its <c>Run</c> gets.</param>
    public static ChildProcess Start<T>(string[] around, params string[] args)
        where T : IChildProgram
    {
        string[] line = [.. around, Path.Combine(AppContext.BaseDirectory, "Serverless.Tests"), Switch, typeof(T).FullName!, .. args];
        var start = new ProcessStartInfo(line[0], line[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return new(Process.Start(start)!);
    }

    public static async Task<int> RunInChild(string program, string[] args)
    {
        // The parent's end of this pipe closes when it is gone, however it went.
        new Thread(() =>
        {
            while (Console.In.Read() >= 0) { }
            Environment.Exit(98);
        }) { IsBackground = true }.Start();
        try
        {
            var run = Type.GetType(program, throwOnError: true)!.GetMethod(nameof(IChildProgram.Run))!;
            return await (Task<int>)run.Invoke(null, [args])!;
        }
        catch (Exception e)
        {
            await Console.Error.WriteLineAsync(e.ToString());
            return 99;
        }
    }

    /// <summary>The next line that it prints, e.g. to say how far it is; null when it has ended.</summary>
    public Task<string?> ReadLine() => process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask();

    /// <summary>kill -9.</summary>
    public async Task Kill()
    {
        Signal(SIGKILL);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Freezes the process where it is, as a debugger, a suspended machine or a full CPU quota does.</summary>
    public void Stop() => Signal(SIGSTOP);

    public void Continue() => Signal(SIGCONT);

    /// <summary>Waits for its end, which must be a success.</summary>
    public async Task Success()
    {
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, $"the child process ended with {process.ExitCode}: {await errors}");
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited) Signal(SIGKILL);
        await process.WaitForExitAsync(CancellationToken.None);
        process.Dispose();
    }

    private void Signal(int signal) => _ = Kill(process.Id, signal);

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);
}
