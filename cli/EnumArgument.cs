using System.CommandLine.Parsing;
using Serverless.Core;

namespace Serverless.Cli;

/// <summary>
/// Options whose values are an enum's names, exactly: the library would also take numbers, and two names with a comma between as a third.
/// </summary>
static class EnumArgument
{
    public static T? Parse<T>(ArgumentResult result) where T : struct, Enum
    {
        var text = result.Tokens[^1].Value;
        if (EnumNames.Parse<T>(text) is { } value) return value;
        result.AddError($"{(result.Parent as OptionResult)?.IdentifierToken?.Value}: {EnumNames.Problem<T>(text)}");
        return null;
    }
}
