using System.Text.Json;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Serverless.Core.Triggers;

/// <summary>A definition as people write it; <see cref="TriggerReader"/> reads back an equal one.</summary>
public static partial class TriggerYaml
{
    public static string Write(TriggerDefinition definition)
    {
        using var text = new StringWriter();
        var emitter = new Emitter(text, new EmitterSettings().WithBestWidth(int.MaxValue).WithIndentedSequences());
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart(null, null, isImplicit: true));
        Write(emitter, JsonSerializer.SerializeToElement(definition, CoreJson.Options));
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString();
    }

    private static void Write(Emitter emitter, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                emitter.Emit(new MappingStart(AnchorName.Empty, TagName.Empty, isImplicit: true, MappingStyle.Block));
                foreach (var field in value.EnumerateObject())
                {
                    Write(emitter, field.Name);
                    Write(emitter, field.Value);
                }

                emitter.Emit(new MappingEnd());
                break;
            case JsonValueKind.Array:
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, isImplicit: true, SequenceStyle.Flow));
                foreach (var item in value.EnumerateArray()) Write(emitter, item);
                emitter.Emit(new SequenceEnd());
                break;
            case JsonValueKind.String:
                Write(emitter, value.GetString()!);
                break;
            default:
                emitter.Emit(
                    new Scalar(
                        AnchorName.Empty, TagName.Empty, value.GetRawText(), ScalarStyle.Plain, isPlainImplicit: true, isQuotedImplicit: false));
                break;
        }
    }

    /// <summary>Quoted unless every reader of YAML takes it for text.</summary>
    private static void Write(Emitter emitter, string text)
    {
        var plain = Plain().IsMatch(text) && !Words().IsMatch(text);
        emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, text, plain ? ScalarStyle.Plain : ScalarStyle.DoubleQuoted, plain, !plain));
    }

    [GeneratedRegex(@"\A[A-Za-z_][A-Za-z0-9_./-]*\z")]
    private static partial Regex Plain();

    [GeneratedRegex(@"\A(true|false|null|yes|no|on|off|y|n)\z", RegexOptions.IgnoreCase)]
    private static partial Regex Words();
}
