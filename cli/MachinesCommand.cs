using Serverless.Cli.Terminal;

namespace Serverless.Cli;

static class MachinesCommand
{
    public static Verb Create(World world) =>
        new Verb("machines", "Show machine classes, what waits for them, and the workers that are there").Does(world, async (session, cancel) =>
        {
            Output.WarmUp();
            var machines = await session.Api.GetMachines(cancel);
            var output = session.Output;
            if (output.Json)
            {
                Output.WriteJson(machines);
                return;
            }

            output.Write(new Listing("CLASS", "WORKERS>", "WAITING>").AddAll(machines.Classes.Select(one => new Cell[]
            {
                new(one.Name, "bold"), new($"{one.Workers}", one.Workers == 0 ? "red" : null), new($"{one.Waiting}", one.Waiting == 0 ? "dim" : "yellow"),
            })));
            DoctorCommand.Remark(output, machines.Damaged);
            if (machines.Workers.Count == 0) return;
            output.Line($"");
            output.Write(new Listing("WORKER~", "CLASS", "RUN", "DEVICE~", "CORES>", "MEMORY>", "HOST~", "UP>", "SEEN>").AddAll(machines.Workers.Select(worker => new Cell[]
            {
                new(worker.Id, "bold"), worker.Machine, worker.Run is { } run ? new Cell(Format.ShortId(run), "blue") : new Cell("idle", "dim"), worker.Device, $"{worker.Cores}", Format.Bytes(worker.MemoryBytes),
                new(worker.Host, "dim"), Format.Duration(output.Now - worker.Started),
                worker.Seen is { } seen ? new Cell(Format.Ago(seen, output.Now), output.Now - seen > 3 * worker.Heartbeat ? "red" : "dim") : new Cell(""),
            })));
            foreach (var alike in machines.Workers.GroupBy(worker => worker.NoControlGroups, worker => worker.Id))
            {
                if (alike.Key is { } reason) output.Remark($"[dim]{string.Join(", ", alike)} without control groups: {reason}[/]");
            }
        });
}
