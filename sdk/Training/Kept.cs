using System.Text.Json;

namespace Serverless;

/// <summary>A value that is in every checkpoint of a training, and back after a resume. See <see cref="Trainer.Keep"/>.</summary>
/// <typeparam name="T">Anything that is JSON.</typeparam>
public sealed class Kept<T> : Training.IKept
{
    internal Kept(T value) => Value = value;

    /// <summary>Now. Fit puts the checkpoint's value here before it begins.</summary>
    public T Value { get; set; }

    JsonElement Training.IKept.Save() => JsonSerializer.SerializeToElement(Value, SdkJson.Options);

    void Training.IKept.Load(JsonElement saved) => Value = saved.Deserialize<T>(SdkJson.Options)!;
}
