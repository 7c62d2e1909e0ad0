namespace Serverless.GpuWorker.Execute;

/// <summary>What a runner process is told to execute, once, over its control channel.</summary>
sealed record Assignment
{
    /// <summary>Where it runs.</summary>
    public required string Folder { get; init; }

    /// <summary>The whole environment of the code; nothing else is left of the runner's own.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>A compiled C# program to execute inside the runner; null: <see cref="Command"/> is started as its child.</summary>
    public string? Assembly { get; init; }

    /// <summary>Program and arguments; of an <see cref="Assembly"/> the arguments only.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    // Binary, because reading JSON would cost a runner more than everything else that it does before the code's first line.
    public byte[] ToBytes()
    {
        using var body = new MemoryStream();
        using var writer = new BinaryWriter(body);
        writer.Write(0);
        writer.Write(Folder);
        writer.Write(Environment.Count);
        foreach (var (name, value) in Environment)
        {
            writer.Write(name);
            writer.Write(value);
        }

        writer.Write(Assembly ?? "");
        writer.Write(Command.Count);
        foreach (var word in Command) writer.Write(word);
        writer.Seek(0, SeekOrigin.Begin);
        writer.Write((int)body.Length - sizeof(int));
        return body.ToArray();
    }

    /// <param name="body">Without the length that goes before it.</param>
    public static Assignment From(byte[] body)
    {
        using var reader = new BinaryReader(new MemoryStream(body));
        var folder = reader.ReadString();
        var environment = new Dictionary<string, string>();
        for (var left = reader.ReadInt32(); left > 0; left--)
        {
            var name = reader.ReadString();
            environment[name] = reader.ReadString();
        }

        var assembly = reader.ReadString();
        var command = new string[reader.ReadInt32()];
        for (var i = 0; i < command.Length; i++) command[i] = reader.ReadString();
        return new() { Folder = folder, Environment = environment, Assembly = assembly.Length == 0 ? null : assembly, Command = command };
    }
}

/// <summary>What a runner says about a failure, one line on its report channel: kind, space, message.</summary>
sealed record RunnerReport(RunnerReport.Failure Kind, string Message)
{
    public enum Failure
    {
        /// <summary>An exception that nobody caught.</summary>
        Exception,
        OutOfMemory,
        DiskFull,

        /// <summary>The runner could not start the code at all.</summary>
        NotStarted,
    }

    private const string Prefix = "exp-report:";

    public string ToLine() => $"{Prefix}{(int)Kind} {Message.ReplaceLineEndings(" ")}\n";

    /// <summary>Null when the line is something else: what the .NET host itself prints when it cannot start, for example.</summary>
    public static RunnerReport? From(string line) =>
        line.StartsWith(Prefix, StringComparison.Ordinal) && line.Length > Prefix.Length + 1 && line[Prefix.Length] is >= '0' and <= '3'
            ? new((Failure)(line[Prefix.Length] - '0'), line[(Prefix.Length + 2)..])
            : null;
}
