using System.Globalization;

namespace Serverless.Client;

/// <summary>What started a run that no person submitted: a trigger, and the cause that it acted on. Not part of the run key.</summary>
/// <param name="Trigger">The trigger's name.</param>
/// <param name="Firing">Identifies the pair of trigger and cause.</param>
/// <param name="Chain">The triggers that led here, oldest first, <paramref name="Trigger"/> last: as long as the lineage is deep.</param>
public sealed record RunOrigin(string Trigger, string Firing, IReadOnlyList<string> Chain)
{
    /// <summary>The run whose end, artifact or published file was the cause, when it was one.</summary>
    public string? Run { get; init; }

    /// <summary>The file whose change was the cause.</summary>
    public string? File { get; init; }

    /// <summary>The version of <see cref="File"/>.</summary>
    public string? FileETag { get; init; }

    /// <summary>The dataset version that was published, <c>name:3</c>.</summary>
    public string? Dataset { get; init; }

    /// <summary>The instant of the schedule.</summary>
    public DateTimeOffset? Scheduled { get; init; }

    /// <summary>For the run's history.</summary>
    public override string ToString() => $"trigger {Trigger}, because of {Cause}";

    private string Cause =>
        File is not null ? $"the file {File}"
        : Dataset is not null ? $"the dataset {Dataset}"
        : Scheduled is { } at ? string.Create(CultureInfo.InvariantCulture, $"its schedule, {at.ToUniversalTime():yyyy-MM-dd HH:mm} UTC")
        : $"run {Run}";
}
