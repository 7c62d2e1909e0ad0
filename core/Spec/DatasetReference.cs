using System.Globalization;
using System.Text.RegularExpressions;

namespace Serverless.Core.Spec;

/// <summary>How people name a version of a dataset: <c>digits:latest</c>, <c>digits:3</c>, or by its content <c>digits@0f3a…</c>.</summary>
/// <param name="Number">Null with <paramref name="Hash"/> null: the latest.</param>
/// <param name="Hash">At least the first 8 characters of the version's hash.</param>
public sealed partial record DatasetReference(string Name, int? Number = null, string? Hash = null)
{
    /// <summary>What to write, for messages.</summary>
    public const string Wanted = "NAME:latest, NAME:3 or NAME@hash";

    /// <summary>Null: no reference.</summary>
    public static DatasetReference? Parse(string text)
    {
        if (Pattern().Match(text) is not { Success: true } match || SpecRules.NameProblem(match.Groups["name"].Value) is not null) return null;
        var name = match.Groups["name"].Value;
        if (match.Groups["hash"] is { Success: true, Value: var hash }) return new(name, Hash: hash);
        return match.Groups["number"] is { Success: true, Value: var number }
            ? new(name, int.Parse(number, CultureInfo.InvariantCulture))
            : new(name);
    }

    /// <summary>What is wrong with a text that was meant to be a reference.</summary>
    public static string Problem(string text)
    {
        var name = text.Split(':', '@')[0];
        return SpecRules.NameProblem(name) is { } problem ? problem
            : name == text ? $"'{text}' does not say which version; write {text}:latest, {text}:3 or {text}@ and the beginning of its hash"
            : text[name.Length] == '@' ? $"'{text}': after '@' come 8 to 64 characters of the version's hash, 0–9 and a–f"
            : $"'{text}': after ':' comes latest or the version's number, 1 to 999999";
    }

    public override string ToString() => Hash is not null
        ? $"{Name}@{Hash}"
        : Number is { } number ? string.Create(CultureInfo.InvariantCulture, $"{Name}:{number}") : $"{Name}:latest";

    [GeneratedRegex(@"\A(?<name>[^:@]+)(:(latest|(?<number>[1-9][0-9]{0,5}))|@(?<hash>[0-9a-f]{8,64}))\z", RegexOptions.ExplicitCapture)]
    private static partial Regex Pattern();
}
