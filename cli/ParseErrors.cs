using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace Serverless.Cli;

/// <summary>
/// What the library could not make sense of, in words for people: it names types, and says neither what is known nor what to write.
/// </summary>
static class ParseErrors
{
    public static string Say(ParseError error) => error.SymbolResult switch
    {
        OptionResult { IdentifierToken: { } name, Tokens.Count: 0 } option =>
            $"{name.Value} needs a value: {name.Value} {option.Option.HelpName ?? "VALUE"}",
        OptionResult { Option.Required: true, Tokens.Count: 0 } option =>
            $"{option.Option.Name} is missing: {option.Option.Name} {option.Option.HelpName}",
        OptionResult { Option.Arity.MaximumNumberOfValues: 1, IdentifierToken: { } name, IdentifierTokenCount: > 1 } =>
            $"{name.Value} is given more than once; leave one",
        OptionResult { IdentifierToken: { } name, Tokens: var tokens } option
            when Expected(option.Option.ValueType, tokens.Select(token => token.Value)) is { } what =>
            $"{name.Value} {string.Join(' ', tokens.Select(token => token.Value))}: expected {what}",
        ArgumentResult { Tokens.Count: 0 } argument => $"{argument.Argument.Name} is missing: {argument.Argument.Description}",
        CommandResult { Command: { Subcommands: { Count: > 0 } all } command } =>
            $"exp {Root.PathOf(command)}needs a command: {string.Join(", ", all.Select(one => one.Name))}",
        CommandResult { Command.Arguments: { } wanted } result when wanted.FirstOrDefault(one =>
            result.GetResult(one) is null or { Tokens.Count: 0 }) is { } missing =>
            $"{missing.Name} is missing: {missing.Description}",
        _ => string.Join(' ', error.Message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)),
    };

    private static string? Expected(Type type, IEnumerable<string> values)
    {
        var one = type.GetElementType() ?? Nullable.GetUnderlyingType(type) ?? type;
        return one == typeof(int)
            ? WholeNumber(int.MaxValue, values)
            : one == typeof(long)
            ? WholeNumber(long.MaxValue, values)
            : one == typeof(Guid)
            ? "an id such as 8c1d7f9e-0b7c-4a57-9a38-3f1c54d3b0aa"
            : one == typeof(bool)
            ? "true or false"
            : null;
    }

    private static string WholeNumber(long most, IEnumerable<string> values) =>
        values.Any(value => BigInteger.TryParse(value, CultureInfo.InvariantCulture, out var number) && number > most)
            ? $"a whole number of at most {most}"
            : "a whole number";
}
