using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Serverless.Cli.Terminal;

/// <summary>The library's help, then what it has no place for.</summary>
sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
{
    private const string Everywhere = """
        Environment:
          EXP_URL, EXP_KEY  A platform elsewhere and the key to it; without them, what exp login remembers, or the platform on this machine
          EXP_PROFILE       Which of those that exp login remembers
          EXP_DATA          Folder of the platform on this machine
          EXP_DEBUG=1       Show where an error came from
          NO_COLOR=1        No colours, no displays that redraw themselves

        Exit codes:
          0    success
          1    the run that was waited for did not succeed
          2    wrong usage or an invalid experiment; every problem is printed
          3    the platform cannot be reached, or failed
          4    not found
          5    not allowed
          6    the run that was waited for succeeded, but a check of its experiment failed
          130  interrupted

        First steps:
          exp up                          the whole platform on this machine, until Ctrl-C
          exp init first                  in another terminal: a starter experiment
          exp run first --wait            run it and watch
          exp run first --param lr=0.1    with another parameter
          exp list                        all of them

        """;

    // No error on the line matters to somebody who asks for help.
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parsed)
    {
        var result = help.Invoke(parsed);
        var output = parsed.InvocationConfiguration.Output;
        if (parsed.CommandResult.Command is RootCommand) output.Write(Everywhere);
        if (parsed.CommandResult.Command is Verb { Examples: { Count: > 0 } examples })
        {
            output.WriteLine("Examples:");
            foreach (var example in examples) output.WriteLine($"  {example}");
            output.WriteLine();
        }

        return result;
    }
}
