namespace Serverless.Client;

/// <summary>
/// Declares a field of what people write (a spec, a trigger). Reading, checking, writing, the JSON schema, the API's description, the run key and the
/// differences between runs follow from it and from the property's type and default; a property without it is not written.
/// </summary>
/// <param name="doc">What it is, for people.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class FieldAttribute(string doc) : Attribute
{
    public string Doc { get; } = doc;

    /// <summary>In JSON.</summary>
    public string? Example { get; init; }

    /// <summary>Of a number; of a length of time in seconds. Each of the numbers, where there is a list of them.</summary>
    public long Min { get; init; } = long.MinValue;
    public long Max { get; init; } = long.MaxValue;

    /// <summary>Items of a list, entries of a map.</summary>
    public int Least { get; init; }
    public int Most { get; init; } = int.MaxValue;

    /// <summary>No item is there twice.</summary>
    public bool Unique { get; init; }

    /// <summary>A list of one may be written without its brackets.</summary>
    public bool OneOrMany { get; init; }

    /// <summary>The only values of an enum that are taken; null: all.</summary>
    public string[]? Among { get; init; }

    /// <summary>What to do instead, behind a message about a bound.</summary>
    public string? Hint { get; init; }

    /// <summary>Words that other tools use for the same thing.</summary>
    public string[] Synonyms { get; init; } = [];

    /// <summary>An experiment that is filled in later: its texts may hold references.</summary>
    public bool IsExperiment { get; init; }

    /// <summary>Runs with different values compute different things.</summary>
    public bool InKey { get; init; }

    /// <summary>Versions and runs were hashed before there was this field: as its default it is not in a hash, so that theirs stay what they
    /// were.</summary>
    public bool IsLater { get; init; }
}

/// <summary>What a text must be: the text of a field, each item of its list, each value of its map.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class TextAttribute<T> : TextAttribute where T : TextForm, new()
{
    public override TextForm Form { get; } = new T();
}

/// <summary>What the names of a field's map must be.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class NamesAttribute<T> : NamesAttribute where T : TextForm, new()
{
    public override TextForm Form { get; } = new T();
}

/// <summary>A name that is known and not a field: what belongs to later work, and what to do meanwhile.</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class NotYetAttribute(string name, string instead) : Attribute
{
    public string Name { get; } = name;
    public string Instead { get; } = instead;
}

/// <summary>Two fields that exclude each other.</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class NotBothAttribute(string one, string other) : Attribute
{
    public string One { get; } = one;
    public string Other { get; } = other;
}

/// <summary>Of its fields exactly one is there.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ExactlyOneAttribute : Attribute;

public abstract class TextAttribute : Attribute
{
    public abstract TextForm Form { get; }
}

public abstract class NamesAttribute : Attribute
{
    public abstract TextForm Form { get; }
}
