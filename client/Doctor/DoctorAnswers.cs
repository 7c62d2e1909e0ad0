using System.Text.Json.Serialization;

namespace Serverless.Client;

/// <summary>A line of <c>GET /api/doctor</c>: a finding, or, as the last one, the end.</summary>
public sealed record DoctorLine(Finding? Finding = null, DoctorEnd? End = null);

/// <param name="Examined">Objects that were looked at.</param>
/// <param name="Cut">There may be more: the answer was full.</param>
public sealed record DoctorEnd(long Examined, int Findings, bool Cut);

[JsonConverter(typeof(EnumNamesConverter<FindingKind>))]
public enum FindingKind
{
    /// <summary>A record that cannot be read.</summary>
    Damaged,

    /// <summary>A record of a format that only a newer version of the platform knows.</summary>
    Newer,

    /// <summary>A record names an object that is missing, or something else than it says.</summary>
    Missing,

    /// <summary>Nothing leads to it, or it leads to nothing.</summary>
    Stray,
}

/// <summary>Something that is damaged or does not fit together.</summary>
/// <param name="Object">Its key, in the workspace; or in the platform's container, when <paramref name="Platform"/>.</param>
/// <param name="Remedy">What can be done.</param>
/// <param name="CanMove">It helps, and loses nothing, to move the object to <c>damaged/</c>.</param>
public sealed record Finding(string Object, FindingKind Kind, string Why, string Remedy, bool CanMove = false, bool Platform = false);

/// <summary>Body of <c>POST /api/doctor</c>.</summary>
public sealed record DoctorMove(string? Object, bool Platform = false);

/// <summary>Answer of <c>POST /api/doctor</c>.</summary>
/// <param name="To">Where the object is now; null: it is as it should be, or gone, and was left alone.</param>
public sealed record DoctorMoved(string Object, string? To);
