using Serverless.Cli.Terminal;
using Serverless.Core.Workers;

namespace Serverless.Cli;

static class MachinesCommand
{
    public static Verb Create(World world) =>
        new Verb("machines", "List machine classes, how many runs wait for each, and the workers").Does(world, async (session, cancel) =>
        {
            Output.WarmUp();
            var machines = await session.Api.GetMachines(cancel);
            var output = session.Output;
            if (output.Json)
            {
                Output.WriteJson(machines);
                return;
            }

            output.Write(new Listing(Column.Text("CLASS"), Column.Number("WORKERS"), Column.Number("WAITING"))
                .AddAll(machines.Classes.Select(one => new Cell[]
            {
                new(one.Name, "bold"), new($"{one.Workers}", one.Workers == 0 ? "red" : null),
                new($"{one.Waiting}", one.Waiting == 0 ? "dim" : "yellow"),
            })));
            DoctorCommand.Remark(output, machines.Damaged);
            if (machines.Workers.Count == 0) return;
            output.Line($"");
            output.Write(Workers(machines.Workers, output.Now));
            foreach (var alike in machines.Workers.GroupBy(worker => worker.NoControlGroups, worker => worker.Id))
            {
                if (alike.Key is { } reason) output.Remark($"[dim]{string.Join(", ", alike)} without control groups: {reason}[/]");
            }
        });

    private static Listing Workers(IEnumerable<WorkerInfo> workers, DateTimeOffset now) =>
        new Listing(
            Column.Text("WORKER", narrowest: 14), Column.Text("CLASS", 2, narrowest: 6), Column.Word("RUN"), Column.Text("DEVICE", 3),
            Column.Number("CORES", 6),
            Column.Number("MEMORY", 5), Column.Text("HOST", 4), Column.Number("UP", 7), Column.Number("SEEN", 1))
        .AddAll(workers.Select(worker => new Cell[]
        {
            new(worker.Id, "bold"), worker.Machine, worker.Run is { } run ? new Cell(Format.ShortId(run), "blue") : new Cell("idle", "dim"),
            worker.Device,
            $"{worker.Cores}", Format.Bytes(worker.MemoryBytes), new(worker.Host, "dim"), Format.Duration(now - worker.Started),
            worker.Seen is { } seen ? new Cell(Format.Ago(seen, now), now - seen > 3 * worker.Heartbeat ? "red" : "dim") : new Cell(""),
        }));
}
