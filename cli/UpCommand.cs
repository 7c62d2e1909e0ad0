using System.CommandLine;
using Microsoft.Extensions.Logging;
using Serverless.Cli.Platform;
using Serverless.Cli.Terminal;
using Serverless.Core.Code;
using Serverless.Core.Spec;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Telemetry;

namespace Serverless.Cli;

static class UpCommand
{
    private static readonly TimeSpan ShortestLease = TimeSpan.FromMilliseconds(100);

    public static Verb Create(World world)
    {
        var port = new Option<int?>("--port")
        {
            Description = $"Port of the API; 0: any free one [{PlatformOptions.UsualPort}, or any free one when that is taken]", HelpName = "N",
        };
        var workers = new Option<int>("--workers")
        {
            Description = "Worker processes for each machine class", HelpName = "N", DefaultValueFactory = _ => 1,
        };
        var machines = new Option<string>("--machines")
        {
            Description = "Machine classes that this machine offers", HelpName = "CLASS,…", DefaultValueFactory = _ => "cpu",
        };
        var lease = new Option<string?>("--lease") { Description = "How long a silent worker keeps its run [30s]", HelpName = "TIME" };
        var logLimit = new Option<int?>("--log-limit")
        {
            Description = "Size of an attempt's log; the middle of a longer one is dropped [64]", HelpName = "MIB",
        };
        var cache = new Option<string?>("--cache")
        {
            Description = "Size limit of the workers' caches together [half of the disk, at most 50GB]", HelpName = "SIZE",
        };
        var logLevel = new Option<LogLevel?>("--log-level")
        {
            Description = "What is logged: debug, information, warning or error [information]", HelpName = "LEVEL",
            CustomParser = EnumArgument.Parse<LogLevel>,
        };
        var logFormat = new Option<LogFormat?>("--log-format")
        {
            Description = "Log format: text, or json for one object a line [text]", HelpName = "FORMAT", CustomParser = EnumArgument.Parse<LogFormat>,
        };
        return new Verb("up", "Run the whole platform on this machine until Ctrl-C; the next start continues")
        {
            Examples = ["exp up", "exp up --data ./.exp --workers 2", "exp up --machines cpu,gpu-t4 --port 0"],
        }.With(port, workers, machines, lease, logLimit, cache, logLevel, logFormat)
            .Does(world, (session, cancel) => Up(session, OpenFiles.Problem(OpenFiles.Limit) is { } few ? throw ExpException.Usage(few) : new()
        {
            Data = session.Data,
            Port = session.Get(port) is not < 0 and not > 65535
                ? session.Get(port)
                : throw ExpException.Usage("--port: a number from 0 (any free one) to 65535"),
            Workers = session.Get(workers) is >= 0 and <= 256 and var n ? n : throw ExpException.Usage("--workers: a number from 0 to 256"),
            Machines = Classes(session.Get(machines)!),
            Cache = session.Get(cache) is not { } size || Sizes.Parse(size) is not null
                ? session.Get(cache)
                : throw ExpException.Usage($"--cache {size}: give {Sizes.Wanted}"),
            Lease = session.Get(lease) is { } text
                ? Durations.Parse(text) is { } length && length >= ShortestLease
                    ? length
                    : throw ExpException.Usage($"--lease {text}: give {Durations.Wanted}, at least 100ms")
                : null,
            LogLimit = session.Get(logLimit) is null or (>= 1 and <= 1024)
                ? session.Get(logLimit)
                : throw ExpException.Usage("--log-limit: a number of MiB from 1 to 1024"),
        }, new(session.Output, session.World.Time, session.Get(logLevel) ?? LogLevel.Information, session.Get(logFormat) ?? LogFormat.Text), cancel));
    }

    private static async Task Up(Session session, PlatformOptions options, PlatformLog log, CancellationToken cancel)
    {
        var output = session.Output;
        var began = session.World.Time.GetTimestamp();
        await using var platform = await LocalPlatform.Start(options, session.World, log, cancel);
        var ready = Task.WhenAll(platform.Workers.Select(worker => worker.Ready));
        if (output.Json)
        {
            Output.WriteJson(new Dictionary<string, System.Text.Json.JsonElement> { ["address"] = ExperimentText(platform.Address.ToString()),
                ["data"] = ExperimentText(options.Data.Path) });
        }
        else
        {
            output.Line($"[bold green]exp[/] is up at [bold]{platform.Address}[/]");
            Fact("data", options.Data.Path);
            Fact("key", platform.AdminKeyFile);
            Fact("workers", options.Workers == 0 ? "none" : string.Join(", ", options.Machines.Select(machine => $"{options.Workers} × {machine}")));
        }

        try
        {
            await Task.WhenAny(ready, platform.Completion).Unwrap().WaitAsync(cancel);
            if (!output.Json)
            {
                var after = Format.Duration(session.World.Time.GetElapsedTime(began));
                output.Line($"Ready after {after}. In another terminal: [bold]exp init first && exp run first --wait[/]   [dim]Ctrl-C stops it.[/]");
            }

            await platform.Completion.WaitAsync(cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            if (log.Format == LogFormat.Json) log.Own.Stopping();
            else output.Remark($"Stopping: workers hand back what they have. [dim]Ctrl-C again ends them at once.[/]");
        }

        // Paths are there to be copied: never shortened, and broken by the terminal only.
        static void Fact(string what, string value) => StandardOutput.WriteLine($"{what,-7}  {TerminalFilter.OneLine(value)}");
    }

    private static System.Text.Json.JsonElement ExperimentText(string text) => Submit.ExperimentOptions.Typed($"\"{text}\"");

    private static string[] Classes(string list)
    {
        var classes = list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var form = new RunForms.MachineClass();
        if (classes.Select(name => form.Problem(name)).FirstOrDefault(problem => problem is not null) is { } wrong)
        {
            throw ExpException.Usage($"--machines: {wrong}");
        }

        return classes.Length > 0 && classes.Distinct()
            .Count() == classes.Length ? classes : throw ExpException.Usage("--machines: names, each once, with commas between: cpu,gpu-t4");
    }
}
