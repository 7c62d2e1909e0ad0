using System.CommandLine;

namespace Serverless.Cli;

/// <summary>A command of <c>exp</c>, with examples for its <c>--help</c>.</summary>
sealed class Verb(string name, string description) : Command(name, description)
{
    public IReadOnlyList<string> Examples { get; init; } = [];

    /// <summary>The argument, if there is one, whose words are given after <c>--</c> and nowhere else.</summary>
    public Argument? AfterDashes { get; init; }

    public Verb With(params ReadOnlySpan<Symbol> symbols)
    {
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument) Add(argument);
            else if (symbol is Option option) Add(option);
            else Add((Command)symbol);
        }

        return this;
    }

    /// <summary>What the command does. Errors are thrown as <see cref="ExpException"/>.</summary>
    public Verb Does(World world, Func<Session, CancellationToken, Task<ExitCode>> act)
    {
        SetAction(async (parsed, cancel) =>
        {
            using var session = new Session(parsed, world);
            try
            {
                return (int)await act(session, cancel);
            }
            catch (ApiException e)
            {
                throw session.Explain(e);
            }
        });
        return this;
    }

    public Verb Does(World world, Func<Session, CancellationToken, Task> act) =>
        Does(world, async (session, cancel) =>
        {
            await act(session, cancel);
            return ExitCode.Success;
        });
}
