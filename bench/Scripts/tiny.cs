// The least that a run can do: say when it began. The clock is the system's monotonic one, the same in every process.
Console.WriteLine(System.Diagnostics.Stopwatch.GetTimestamp());
