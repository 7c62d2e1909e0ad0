using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Serverless.Core;

namespace Serverless.Functions.Http;

/// <summary>
/// A parameter of a query, declared once: how it is read, what is wrong with a value (400, with the parameter's name), and what the API's description
/// says of it.
/// </summary>
abstract record QueryParameter(string Name, string Description)
{
    /// <summary>JSON schema of its values.</summary>
    public abstract JsonObject Schema { get; }

    /// <summary>Values are lists, written <c>a,b</c>; the parameter may also be given several times.</summary>
    public virtual bool IsList => false;

    /// <summary>It is given, and says nothing.</summary>
    protected bool IsEmpty(HttpRequest request) => request.Query[Name] is [var value, ..] && string.IsNullOrWhiteSpace(value);

    protected string? Text(HttpRequest request) => request.Query[Name] is [{ Length: > 0 } value, ..] ? value : null;

    protected IReadOnlyList<string> Items(HttpRequest request) =>
        [.. request.Query[Name].SelectMany(
            value => (value ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];

    protected RequestException Wrong(string problem) => new(StatusCodes.Status400BadRequest, $"{Name}{problem}");
}

/// <param name="Usual">What counts when it is left out, for the description.</param>
sealed record TextParameter(string Name, string Description, string? Usual = null) : QueryParameter(Name, Description)
{
    public override JsonObject Schema => Usual is null ? new() { ["type"] = "string" } : new() { ["type"] = "string", ["default"] = Usual };

    public string? Of(HttpRequest request) => Text(request);
}

/// <summary>One that leaves things out: empty, it would leave out nothing, which nobody means who gives it.</summary>
sealed record FilterParameter(string Name, string Description) : QueryParameter(Name, Description)
{
    public override JsonObject Schema => new() { ["type"] = "string", ["minLength"] = 1 };

    public string? Of(HttpRequest request) => IsEmpty(request) ? throw Wrong(": is empty; leave it out for all") : Text(request);
}

/// <param name="Parse">What was read, or what is wrong.</param>
sealed record ParsedParameter<T>(string Name, string Description, Func<string, (T? Read, string? Problem)> Parse)
    : QueryParameter(Name, Description) where T : class
{
    public override JsonObject Schema => new() { ["type"] = "string" };

    public T? Of(HttpRequest request)
    {
        if (IsEmpty(request)) throw Wrong(": is empty; leave it out for all");
        if (Text(request) is not { } text) return null;
        var (read, problem) = Parse(text);
        return read ?? throw Wrong($": {problem}");
    }
}

/// <param name="Usual">What counts when it is left out; null: nothing does.</param>
sealed record NumberParameter(string Name, string Description, long Least = long.MinValue, long Most = long.MaxValue, int? Usual = null)
    : QueryParameter(Name, Description)
{
    public override JsonObject Schema
    {
        get
        {
            var schema = new JsonObject { ["type"] = "integer", ["format"] = Least >= int.MinValue && Most <= int.MaxValue ? "int32" : "int64" };
            if (Least != long.MinValue) schema["minimum"] = Least;
            if (Most != long.MaxValue) schema["maximum"] = Most;
            if (Usual is { } usual) schema["default"] = usual;
            return schema;
        }
    }

    public long? Find(HttpRequest request) => Text(request) switch
    {
        null => Usual,
        { } text when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= Least
            && value <= Most => value,
        { } text => throw Wrong($"={text}: expected a whole number from {Least} to {Most}"),
    };

    /// <summary>Of one that has a usual value.</summary>
    public int Of(HttpRequest request) => (int)Find(request)!.Value;
}

sealed record FlagParameter(string Name, string Description) : QueryParameter(Name, Description)
{
    public override JsonObject Schema => new() { ["type"] = "boolean", ["default"] = false };

    public bool Of(HttpRequest request) => Text(request) switch
    {
        null or "false" or "0" => false,
        "true" or "1" => true,
        { } text => throw Wrong($"={text}: expected true or false"),
    };
}

/// <param name="Most">At most so many; null: any number.</param>
sealed record ListParameter(string Name, string Description, int Least = 0, int? Most = null) : QueryParameter(Name, Description)
{
    public override bool IsList => true;

    public override JsonObject Schema
    {
        get
        {
            var schema = new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["type"] = "string" } };
            if (Least > 0) schema["minItems"] = Least;
            if (Most is { } most) schema["maxItems"] = most;
            return schema;
        }
    }

    public IReadOnlyList<string> Of(HttpRequest request) =>
        Items(request) is var items && items.Count >= Least && !(items.Count > Most)
            ? items
            : throw Wrong($": expected {Least} to {Most} of them, separated by commas");
}

/// <summary>Names of an enum, written as in JSON.</summary>
sealed record NamesParameter<T>(string Name, string Description) : QueryParameter(Name, Description)
    where T : struct, Enum
{
    public override bool IsList => true;

    public override JsonObject Schema => new()
    {
        ["type"] = "array",
        ["items"] = new JsonObject
            { ["type"] = "string", ["enum"] = new JsonArray([.. Enum.GetValues<T>().Select(value => JsonValue.Create(EnumNames.Of(value)))]) },
    };

    public IReadOnlyList<T> Of(HttpRequest request) =>
        [.. Items(request).Select(text => EnumNames.Parse<T>(text) ?? throw Wrong($": {EnumNames.Problem<T>(text)}"))];
}

/// <summary>One of a few words; the first is the usual one.</summary>
sealed record ChoiceParameter(string Name, string Description, params string[] Choices) : QueryParameter(Name, Description)
{
    public override JsonObject Schema => new()
    {
        ["type"] = "string", ["enum"] = new JsonArray([.. Choices.Select(choice => JsonValue.Create(choice))]), ["default"] = Choices[0],
    };

    public string Of(HttpRequest request) => Text(request) switch
    {
        null => Choices[0],
        { } text when Choices.Contains(text) => text,
        { } text => throw Wrong($"={text}: expected {string.Join(" or ", Choices)}"),
    };
}
