using System.Buffers;
using System.Text;
using System.Text.Json;
using Serverless.Core.Runs;

namespace Serverless.Core.Spec;

/// <summary>A spec as JSON, as the API takes it; defaults are left out. <see cref="SpecReader"/> reads back an equal spec.</summary>
public static class SpecWriter
{
    public static string ToJson(ExperimentSpec spec)
    {
        var blank = new ExperimentSpec { Project = "", Name = "", Command = "" };
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes, new() { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("project", spec.Project);
            json.WriteString("name", spec.Name);
            json.WriteStartObject("code");
            Text("snapshot", spec.Code.Snapshot);
            Text("path", spec.Code.Path);
            if (spec.Code.Include is { } include) Texts("include", include);
            Text("commit", spec.Code.Commit);
            json.WriteEndObject();
            json.WriteString("command", spec.Command);
            Text("setup", spec.Setup);
            json.WriteString("machine", spec.Machine);
            if (spec.Seeds.Count == 1)
            {
                json.WriteNumber("seed", spec.Seeds[0]);
            }
            else
            {
                json.WriteStartArray("seed");
                foreach (var seed in spec.Seeds) json.WriteNumberValue(seed);
                json.WriteEndArray();
            }

            if (spec.Env.Count > 0) Map("env", spec.Env);
            if (spec.Secrets.Count > 0) Texts("secrets", spec.Secrets);
            Text("image", spec.Image);
            if (spec.From is { } from)
            {
                json.WriteStartObject("from");
                json.WriteString("run", from.Run);
                json.WriteString("checkpoint", from.Checkpoint);
                json.WriteEndObject();
            }

            if (spec.Params.Count > 0)
            {
                json.WriteStartObject("params");
                foreach (var (name, value) in spec.Params)
                {
                    json.WritePropertyName(name);
                    value.WriteTo(json);
                }

                json.WriteEndObject();
            }

            if (spec.Inputs.Count > 0) Texts("inputs", spec.Inputs);
            if (spec.Nodes != 1) json.WriteNumber("nodes", spec.Nodes);
            if (spec.RetriesLost != blank.RetriesLost || spec.RetriesFailed != blank.RetriesFailed)
            {
                json.WriteStartObject("retries");
                json.WriteNumber("lost", spec.RetriesLost);
                json.WriteNumber("failed", spec.RetriesFailed);
                json.WriteEndObject();
            }

            Text("timeout", spec.Timeout?.ToString("c"));
            Text("grace", spec.Grace?.ToString("c"));
            if (spec.Checkpoints != blank.Checkpoints)
            {
                json.WriteStartObject("checkpoints");
                json.WriteNumber("keep", spec.Checkpoints.Keep);
                if (spec.Checkpoints.Best is { } best)
                {
                    json.WriteStartObject("best");
                    json.WriteString("metric", best.Metric);
                    json.WriteString("goal", best.Goal == Goal.Maximize ? "maximize" : "minimize");
                    json.WriteEndObject();
                }

                json.WriteNumber("every", spec.Checkpoints.Every);
                json.WriteEndObject();
            }

            if (spec.Checks.Count > 0) Map("checks", spec.Checks);
            if (spec.Tags.Count > 0) Texts("tags", spec.Tags);
            if (spec.Fresh) json.WriteBoolean("fresh", true);
            json.WriteEndObject();

            void Text(string name, string? value)
            {
                if (value is not null) json.WriteString(name, value);
            }

            void Texts(string name, IReadOnlyList<string> values)
            {
                json.WriteStartArray(name);
                foreach (var value in values) json.WriteStringValue(value);
                json.WriteEndArray();
            }

            void Map(string name, IReadOnlyDictionary<string, string> values)
            {
                json.WriteStartObject(name);
                foreach (var (key, value) in values) json.WriteString(key, value);
                json.WriteEndObject();
            }
        }

        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }
}
