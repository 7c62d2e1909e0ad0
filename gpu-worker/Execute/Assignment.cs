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

    /// <summary>
    /// The runner starts itself once more with this environment, as the user that it is, and reads the assignment again: for variables that the
    /// runtime and native libraries read when a
    /// process starts.
    /// </summary>
    public bool Afresh { get; init; }

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
        writer.Write(Afresh);
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
        return new()
        {
            Folder = folder,
            Environment = environment,
            Assembly = assembly.Length == 0 ? null : assembly,
            Command = command,
            Afresh = reader.ReadBoolean(),
        };
    }
}

/// <summary>What a runner says, one line on its report channel: kind, space, message.</summary>
sealed record RunnerReport(RunnerReport.FailureKind Kind, string Message)
{
    public enum FailureKind
    {
        /// <summary>None so far: the code begins.</summary>
        None,

        /// <summary>An exception that nobody caught.</summary>
        Exception,
        OutOfMemory,
        DiskFull,

        /// <summary>What was to be started is not there, or is no program.</summary>
        NotStarted,

        /// <summary>The machine has no process or no memory left to start the code with.</summary>
        NoResources,

        /// <summary>None, as far as the runner is concerned: the program that it started has ended.</summary>
        Ended,

        /// <summary>The runner ended before the code's first line. Said by nobody; the agent concludes it.</summary>
        NeverBegan,

        /// <summary>The runtime has given up the runner, and not the program that it looked after. Said by nobody, either.</summary>
        Aborted,
    }

    private const string Prefix = "exp-report:";

    public string ToLine() => $"{Prefix}{(int)Kind} {Message.ReplaceLineEndings(" ")}\n";

    /// <summary>Null when the line is something else: what the .NET host itself prints when it cannot start, for example.</summary>
    public static RunnerReport? From(string line) =>
        line.StartsWith(Prefix, StringComparison.Ordinal) && line.Length > Prefix.Length + 1 && line[Prefix.Length] is >= '0' and <= '6'
            ? new((FailureKind)(line[Prefix.Length] - '0'), line[(Prefix.Length + 2)..])
            : null;
}
