using System.Text.Json;

namespace Serverless.Tests.Support;

/// <summary>A real <c>exp up</c> on a folder of its own, and <c>exp</c> commands beside it.</summary>
sealed class ExpPlatform : IAsyncDisposable
{
    private readonly Dictionary<string, string> environment;

    private readonly IReadOnlyList<string> around;

    private ExpPlatform(string folder, IReadOnlyList<string>? around = null)
    {
        this.around = around ?? [];
        Folder = folder;
        Data = Path.Combine(folder, "platform data");
        environment = new() { ["EXP_DATA"] = Data };
        Directory.CreateDirectory(Data);
    }

    /// <summary>Where commands are started.</summary>
    public string Folder { get; }

    public string Data { get; }

    public ExpProcess Up { get; private set; } = null!;

    public static Task<ExpPlatform> Start(int workers, params string[] more) => Start(new Dictionary<string, string>(), workers, more);

    public static async Task<ExpPlatform> Start(IReadOnlyDictionary<string, string> environment, int workers, params string[] more)
    {
        var platform = new ExpPlatform(Directory.CreateTempSubdirectory("exp-").FullName);
        foreach (var (name, value) in environment) platform.environment[name] = value;
        await platform.StartUp(workers, more);
        return platform;
    }

    /// <summary>All that runs on it runs under a command that becomes it: as another user, for instance, to whom the folder is given.</summary>
    /// <param name="owner">Null: the tester.</param>
    public static async Task<ExpPlatform> StartUnder(IReadOnlyList<string> around, string? owner, int workers)
    {
        var platform = new ExpPlatform(Directory.CreateTempSubdirectory("exp-").FullName, around);
        if (owner is not null) System.Diagnostics.Process.Start("chown", ["-R", owner, platform.Folder]).WaitForExit();
        await platform.StartUp(workers);
        return platform;
    }

    /// <summary>Starts <c>exp up</c> on the folder, again if it ran before.</summary>
    public async Task StartUp(int workers, params string[] more)
    {
        Up = ExpProcess.StartUnder(around, Folder, environment, ["up", "--port", "0", "--workers", $"{workers}", .. more]);
        await Up.Says("Ready after");
    }

    public async Task<ExpResult> Exp(params string[] arguments)
    {
        using var exp = ExpProcess.StartUnder(around, Folder, environment, arguments);
        return await exp.Ended();
    }

    public Task<ExpResult> ExpWith(IReadOnlyDictionary<string, string> more, params string[] arguments) =>
        ExpProcess.Run(Folder, new Dictionary<string, string>(environment.Concat(more)), arguments);

    public ExpProcess Begin(params string[] arguments) => ExpProcess.Start(Folder, environment, arguments);

    /// <summary>The answer of a command that has to succeed.</summary>
    public async Task<JsonElement> Json(params string[] arguments)
    {
        var result = await Exp([.. arguments, "--json"]);
        return result.ExitCode == 0 ? result.Json : throw new InvalidOperationException($"exp {string.Join(' ', arguments)}: {result}");
    }

    /// <summary>Writes a script into the folder that commands are started in.</summary>
    public string Script(string name, string content)
    {
        var file = Path.Combine(Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, content);
        return name;
    }

    /// <summary>Submits a script and gives the run's id.</summary>
    public async Task<string> Submit(string script, params string[] options) =>
        (await Json(["run", script, .. options])).GetProperty("runs")[0].GetProperty("id").GetString()!;

    public Task RunIs(string id, string state) => Eventually.True(
        async () => (await Json("show", id)).GetProperty("state").GetString() == state, ExpProcess.Patience, () => $"run {id} is {state}");

    public async ValueTask DisposeAsync()
    {
        if (!Up.Process.HasExited)
        {
            Up.Signal("TERM");
            await Up.Ended();
        }

        Up.Dispose();
        TemporaryFolder.Delete(Folder);
    }
}

/// <summary>One platform for all tests that only use it, started when the first of them asks.</summary>
public sealed class SharedPlatform : IAsyncDisposable
{
    private readonly Lazy<Task<ExpPlatform>> started = new(() => Task.Run(() => ExpPlatform.Start(workers: 1)));

    internal ExpPlatform Platform => started.Value.GetAwaiter().GetResult();

    public async ValueTask DisposeAsync()
    {
        if (started is { IsValueCreated: true, Value: { IsCompletedSuccessfully: true, Result: var platform } }) await platform.DisposeAsync();
    }
}
