namespace Serverless.Client;

public sealed record MachineList(
    IReadOnlyList<MachineClassInfo> Classes, IReadOnlyList<WorkerInfo> Workers, IReadOnlyList<DamagedRecord>? Damaged = null);

/// <param name="Waiting">Queued runs of the workspace.</param>
public sealed record MachineClassInfo(string Name, long Waiting, int Workers);
