using System.Globalization;
using System.Text.Json.Serialization;

namespace Serverless.Client;

/// <summary>What a trigger acts on.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(RunEnd), "run")]
[JsonDerivedType(typeof(Artifact), "artifact")]
[JsonDerivedType(typeof(File), "file")]
[JsonDerivedType(typeof(Dataset), "dataset")]
[JsonDerivedType(typeof(Instant), "schedule")]
public abstract record TriggerEvent
{
    private TriggerEvent() { }

    /// <summary>Equal exactly for the same event, however often and in whatever order it is delivered.</summary>
    [JsonIgnore]
    public abstract string Identity { get; }

    /// <summary>In a few words.</summary>
    public sealed override string ToString() => Identity;

    /// <summary>The run whose end, or whose artifact, it is.</summary>
    [JsonIgnore]
    public virtual string? RunId => null;

    public sealed record RunEnd(string Run) : TriggerEvent
    {
        public override string Identity => $"run {Run}";
        public override string RunId => Run;
    }

    public sealed record Artifact(string Run, string Path) : TriggerEvent
    {
        public override string Identity => $"artifact {Path} of run {Run}";
        public override string RunId => Run;
    }

    public sealed record File(string Path, string ETag) : TriggerEvent
    {
        public override string Identity => $"file {Path} at {ETag}";
    }

    public sealed record Dataset(string Name, int Version) : TriggerEvent
    {
        public override string Identity => string.Create(CultureInfo.InvariantCulture, $"dataset {Name}:{Version}");
    }

    /// <param name="At">Of the schedule, whole minutes.</param>
    public sealed record Instant(DateTimeOffset At) : TriggerEvent
    {
        public override string Identity => string.Create(CultureInfo.InvariantCulture, $"instant {At.ToUniversalTime():yyyy-MM-dd'T'HH:mm:ss'Z'}");
    }
}
