using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Serverless.Cli.Terminal;

/// <summary>What commands print with <c>--json</c>: the API's own types, and these that are put together of them.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(List<RunRecord>))]
[JsonSerializable(typeof(List<DeadLetterInfo>))]
[JsonSerializable(typeof(List<RunMetrics>))]
[JsonSerializable(typeof(ShownTrigger))]
[JsonSerializable(typeof(DoctorReport))]
[JsonSerializable(typeof(Dictionary<string, JsonElement>))]
sealed partial class ShownJsonContext : JsonSerializerContext;

static class ShownJson
{
    public static JsonSerializerOptions Indented { get; } = ApiJson.For(
        JsonTypeInfoResolver.Combine(ApiJson.Types, ShownJsonContext.Default), indented: true);
}
