using System.Text.Json;

namespace Serverless.Core.Spec;

/// <summary>A spec as JSON, as the API takes it; defaults are left out. <see cref="SpecReader"/> reads back an equal spec.</summary>
public static class SpecWriter
{
    public static string ToJson(ExperimentSpec spec) =>
        Fields.Said(typeof(ExperimentSpec), JsonSerializer.SerializeToNode(spec, CoreJson.Options)!.AsObject()).ToJsonString(CoreJson.Indented);
}
