using System.Diagnostics;
using Serverless.Core;
using Serverless.Core.Messaging;

namespace Serverless.Tests.Support;

/// <summary>A process of its own that uses a bus: this very executable, told by <see cref="StartupHook"/> to be that instead of a test run. Says what it did, line by line.</summary>
sealed class BusChild : IDisposable
{
    private const string Variable = "SERVERLESS_TESTS_BUS_CHILD";

    private readonly Process process;
    private readonly Task<List<string[]>> lines;

    private BusChild(Process process)
    {
        this.process = process;
        lines = Lines(process.StandardOutput);
    }

    /// <param name="role">"send", "work" or "echo".</param>
    public static BusChild Start(string role, string name, string busFile, TimeSpan lockLength)
    {
        var executable = Path.Combine(AppContext.BaseDirectory, "Serverless.Tests");
        var start = new ProcessStartInfo(executable) { RedirectStandardOutput = true, RedirectStandardInput = true };
        start.Environment[Variable] = string.Join('|', role, name, busFile, lockLength.TotalMilliseconds);
        start.Environment["DOTNET_STARTUP_HOOKS"] = executable + ".dll";
        return new(Process.Start(start)!);
    }

    /// <summary>kill -9; what it had said until then.</summary>
    public async Task<List<string[]>> Kill()
    {
        process.Kill();
        await process.WaitForExitAsync();
        return await lines;
    }

    public void Dispose()
    {
        process.Kill();
        process.Dispose();
    }

    /// <summary>A line that was cut off by the kill lacks its end mark and was not said.</summary>
    private static async Task<List<string[]>> Lines(StreamReader output)
    {
        var said = new List<string[]>();
        while (await output.ReadLineAsync() is { } line)
        {
            if (line.EndsWith(" .", StringComparison.Ordinal)) said.Add(line.Split(' ')[..^1]);
        }

        return said;
    }

    public static void BeOne()
    {
        if (Environment.GetEnvironmentVariable(Variable)?.Split('|') is not [var role, var name, var file, var lockLength]) return;

        // The parent's end of this pipe closes when it is gone, however it went.
        new Thread(() =>
        {
            while (Console.In.Read() >= 0) { }
            Environment.Exit(0);
        }) { IsBackground = true }.Start();
        Be(role, name, file, TimeSpan.FromMilliseconds(double.Parse(lockLength))).GetAwaiter().GetResult();
    }

    private static async Task Be(string role, string name, string file, TimeSpan lockLength)
    {
        using var bus = new SqliteMessageBus(file, TimeProvider.System, new SystemIds(TimeProvider.System), new() { LockLength = lockLength });
        var random = new Random(name.GetHashCode(StringComparison.Ordinal));
        for (var i = 0; ; i++)
        {
            try
            {
                await (role switch
                {
                    "send" => Send(bus, $"{name}-{i}", random),
                    "work" => Work(bus, random),
                    "echo" => Echo(bus),
                    _ => throw new ArgumentException(role),
                });
            }
            catch (BusUnavailableException e)
            {
                Say($"unavailable {e.Message.Replace(' ', '_')}");
            }
        }
    }

    private static async Task Send(SqliteMessageBus bus, string id, Random random)
    {
        await bus.Send("work", new(id, "{}"), random.Next(4) == 0 ? TimeSpan.FromMilliseconds(random.Next(300)) : default);
        Say($"sent {id}");
    }

    private static async Task Work(SqliteMessageBus bus, Random random)
    {
        if (await bus.Receive("work", TimeSpan.FromSeconds(1)) is not { } received) return;
        Say($"got {received.Message.Id} {received.DeliveryCount}");
        if (random.Next(10) == 0) await bus.Renew(received);
        if (random.Next(10) == 0) await bus.Abandon(received);
        else if (await bus.Complete(received)) Say($"done {received.Message.Id} {received.DeliveryCount}");
    }

    private static async Task Echo(SqliteMessageBus bus)
    {
        if (await bus.Receive("there", TimeSpan.FromSeconds(10)) is not { } received) return;
        await bus.Send("back", received.Message);
        await bus.Complete(received);
    }

    private static void Say(string what) => Console.WriteLine(what + " .");
}
