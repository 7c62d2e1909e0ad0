using System.CommandLine;
using Serverless.Cli.Client;
using Serverless.Cli.Platform;
using Serverless.Cli.Terminal;
using Serverless.Cli.Watch;

namespace Serverless.Cli;

/// <summary>One invocation of a command: its options, where it writes to, and the platform, looked for when first needed.</summary>
sealed class Session(ParseResult parsed, World world) : IDisposable
{
    private Connection? connection;
    private ServerlessClient? api;

    public static Option<bool> JsonOption { get; } = new("--json") { Description = "Print JSON for programs instead of text for people",
        Recursive = true };

    public static Option<string?> DataOption { get; } = new("--data")
    {
        Description = "Folder of the platform on this machine [EXP_DATA, ./.exp if it exists, ~/.local/share/exp]", HelpName = "DIR",
        Recursive = true,
    };

    public static Option<string?> ProfileOption { get; } = new("--profile")
    {
        Description = "Profile to use, as saved by exp login [EXP_PROFILE, the last login]", HelpName = "NAME", Recursive = true,
    };

    public World World => world;
    public Output Output { get; } = new(parsed.GetValue(JsonOption), world.Time);
    public ServerlessClient Api => api ??= new((connection = Connection.Find(parsed.GetValue(DataOption), Profile, world.Time)).Options(world.Time));
    public string? Profile => parsed.GetValue(ProfileOption);
    public DataFolder Data => DataFolder.Find(parsed.GetValue(DataOption));
    public RunWatch Watch => new(Api, Output, world.Time);

    public T? Get<T>(Option<T> option) => parsed.GetValue(option);

    /// <summary>Whether it was typed, with a value or without.</summary>
    public bool Has(Option option) => parsed.GetResult(option) is { Implicit: false };

    public T Get<T>(Argument<T> argument) => parsed.GetRequiredValue(argument);

    public T? GetOptional<T>(Argument<T> argument) => parsed.GetValue(argument);

    public Task<string> FindRun(Argument<string> argument, CancellationToken cancel) => RunNames.Find(Api, Get(argument), cancel);

    /// <summary>A client to go somewhere else with; whatever it fails with is explained as of there.</summary>
    public ServerlessClient Connect(Connection to) => new((connection = to).Options(world.Time));

    /// <summary>What a call that did not succeed means for whoever typed the command.</summary>
    public ExpException Explain(ApiException e) => connection!.Explain(e);

    public void Dispose() => api?.Dispose();
}
