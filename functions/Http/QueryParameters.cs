using System.Globalization;
using Microsoft.AspNetCore.Http;
using Serverless.Core;

namespace Serverless.Functions.Http;

/// <summary>Typed query parameters; a value that is not what it should be is 400 with the parameter's name.</summary>
static class QueryParameters
{
    extension(HttpRequest request)
    {
        public string? Query(string name) => request.Query[name] is [{ Length: > 0 } value, ..] ? value : null;

        /// <summary>Values of a list: <c>a,b</c>, and the parameter may be given several times.</summary>
        public IReadOnlyList<string> QueryList(string name) =>
            [.. request.Query[name].SelectMany(
                value => (value ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];

        public long? QueryNumber(string name, long least, long most) => request.Query(name) switch
        {
            null => null,
            { } text when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= least
                && value <= most => value,
            { } text => throw new RequestException(StatusCodes.Status400BadRequest, $"{name}={text}: expected a whole number from {least} to {most}"),
        };

        /// <summary>Values of a list of names, written as in JSON.</summary>
        public IReadOnlyList<T> QueryEnums<T>(string name) where T : struct, Enum =>
            [.. request.QueryList(name).Select(
                text => EnumNames.Parse<T>(text)
                    ?? throw new RequestException(StatusCodes.Status400BadRequest, $"{name}: {EnumNames.Problem<T>(text)}"))];

        public bool QueryFlag(string name) => request.Query(name) switch
        {
            null or "false" or "0" => false,
            "true" or "1" => true,
            { } text => throw new RequestException(StatusCodes.Status400BadRequest, $"{name}={text}: expected true or false"),
        };
    }
}
