using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Serverless.Core.Spec;

namespace Serverless.Cli;

/// <summary>
/// Words on the command line that are for nothing: options that do not exist, also where the library would take them for one of several arguments,
/// and words too many. What follows <c>--</c> is for the code, and anything may.
/// </summary>
static class Unexpected
{
    /// <summary>What to change, one sentence each; empty when there is nothing.</summary>
    public static IReadOnlyList<string> In(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var words = parsed.Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash).ToList();
        var values = ValuesOfOptions(parsed.CommandResult);
        var unmatched = parsed.UnmatchedTokens.ToHashSet(StringComparer.Ordinal);
        var free = words.Where(token => token.Type == TokenType.Argument && !values.Contains(token)).ToList();
        var unknown = free.Where(token => LooksLikeOption(token.Value)).ToList();
        if (unknown.Count > 0) return [.. unknown.Select(token => UnknownOption(command, token.Value, After(token)))];

        var forCode = (command as Verb)?.AfterDashes is { } after && parsed.GetResult(after) is { } given ? given.Tokens.Intersect(words)
            .ToHashSet() : [];
        return [.. free.Where(token => forCode.Contains(token) || unmatched.Contains(token.Value))
            .Select(token => TooMany(command, token.Value, forCode.Contains(token)))];

        string? After(Token token) =>
            words.ElementAtOrDefault(words.IndexOf(token) + 1) is { Type: TokenType.Argument } next && !LooksLikeOption(next.Value)
                ? next.Value
                : null;
    }

    private static string UnknownOption(Command command, string written, string? after)
    {
        var equals = written.IndexOf('=', StringComparison.Ordinal);
        var (option, value) = equals < 0 ? (written, after) : (written[..equals], written[(equals + 1)..]);
        var known = OptionsOf(command).SelectMany(one => one.Aliases.Prepend(one.Name)).ToList();
        var says = $"unknown option '{option}'";
        if (Suggestion.For(option, known) is { } meant) return $"{says}; did you mean '{meant}'?";
        var name = option.TrimStart('-');
        if (!known.Contains("--param") || name.Length == 0) return says;
        var parameter = $"{says}; for a parameter write --param {name}={value ?? "VALUE"}";
        return command is Verb { AfterDashes: not null } ? $"{parameter}, for an argument of the code put it after --" : parameter;
    }

    private static string TooMany(Command command, string word, bool isForCode) =>
        isForCode ? $"unexpected argument '{word}'; arguments for the code go after --"
        : command.Subcommands.Count > 0
            ? $"unknown command '{word}'{Suggestion.Clause(word, command.Subcommands.SelectMany(one => one.Aliases.Prepend(one.Name)))}"
        : $"unexpected argument '{word}'";

    private static IEnumerable<Option> OptionsOf(Command command) =>
        command.Options.Concat(command.Parents.OfType<Command>().SelectMany(OptionsOf).Where(option => option.Recursive));

    private static HashSet<Token> ValuesOfOptions(CommandResult result)
    {
        var values = new HashSet<Token>(ReferenceEqualityComparer.Instance);
        for (SymbolResult? at = result; at is CommandResult level; at = at.Parent)
        {
            foreach (var option in level.Children.OfType<OptionResult>()) values.UnionWith(option.Tokens);
        }

        return values;
    }

    private static bool LooksLikeOption(string word) =>
        word.Length > 1 && word[0] == '-' && !double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out _);
}
