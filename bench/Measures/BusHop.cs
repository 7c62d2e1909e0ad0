using System.Diagnostics;
using System.Globalization;
using Serverless.Core.Messaging;

namespace Serverless.Bench.Measures;

/// <summary>From a send in one process, durable, to its receipt in another that waits for it.</summary>
sealed class BusHop : IMeasure
{
    public string Name => "bus";
    public string What => "send in one process, receive in another";

    public async Task<IReadOnlyList<Row>> Run(Bench bench, CancellationToken cancel)
    {
        await bench.Down();
        var count = bench.Times(300, 20);
        var file = Path.Combine(bench.NewFolder("bus"), "bus.db");
        using var bus = new SqliteMessageBus(file, bench.Time, bench.Ids);
        using var receiver = Process.Start(Children.StartInfo("receive", file, "hops", count.ToString(CultureInfo.InvariantCulture)))!;
        await receiver.StandardOutput.ReadLineAsync(cancel);
        var hops = new List<double>();
        for (var i = 0; i < count; i++)
        {
            await bus.Send("hops", new(bench.Ids.Nonce(), Stopwatch.GetTimestamp().ToString(CultureInfo.InvariantCulture)), cancel: cancel);
            var answer = await receiver.StandardOutput.ReadLineAsync(cancel)
                ?? throw new InvalidOperationException("the receiving process ended early");
            hops.Add(double.Parse(answer, CultureInfo.InvariantCulture) / 1000);
        }

        await receiver.WaitForExitAsync(cancel);
        return [new("durable send → receive in another process", "ms", new(hops), Row.P95)];
    }
}
