using System.Globalization;
using Serverless.Core;
using Serverless.Core.Messaging;

namespace Serverless.Tests.Support;

/// <summary>A process that uses a bus and says what it did, line by line.</summary>
sealed class BusChild : IChildProgram, IAsyncDisposable
{
    private readonly ChildProcess process;
    private readonly Task<List<string[]>> said;
    private readonly TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private BusChild(ChildProcess process)
    {
        this.process = process;
        said = Lines();
    }

    /// <param name="role">"send", "work" or "echo".</param>
    public static BusChild Start(string role, string name, string busFile, TimeSpan lockLength) =>
        new(ChildProcess.Start<BusChild>(role, name, busFile, lockLength.TotalMilliseconds.ToString(CultureInfo.InvariantCulture)));

    /// <summary>It has said something, or ended.</summary>
    public Task Begun => begun.Task;

    /// <summary>kill -9; what it had said until then.</summary>
    public async Task<List<string[]>> Kill()
    {
        await process.Kill();
        return await said;
    }

    public ValueTask DisposeAsync() => process.DisposeAsync();

    public static async Task<int> Run(string[] args)
    {
        var (role, name, file, lockLength) = (args[0], args[1], args[2],
            TimeSpan.FromMilliseconds(double.Parse(args[3], CultureInfo.InvariantCulture)));
        using var bus = new SqliteMessageBus(file, TimeProvider.System, new SystemIds(TimeProvider.System), new() { LockLength = lockLength });
        var random = new Random(name.Sum(c => c));
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

    /// <summary>A line that was cut off by the kill lacks its end mark and was not said.</summary>
    private async Task<List<string[]>> Lines()
    {
        var lines = new List<string[]>();
        while (await process.ReadLine() is { } line)
        {
            if (line.EndsWith(" .", StringComparison.Ordinal)) lines.Add(line.Split(' ')[..^1]);
            begun.TrySetResult();
        }

        begun.TrySetResult();
        return lines;
    }
}
