using System.Text.Json.Nodes;
using Serverless.Core.Runs;
using Serverless.Core.Spec;

namespace Serverless.Core.Versions;

/// <summary>
/// The run key: equal exactly when two runs would compute the same. It is <c>k1-</c> and the <see cref="CanonicalJson"/> hash, under the scheme
/// <c>serverless-run-key-1</c>, of every <see cref="KeyPart"/>. Not in it: the zip's own hash, the commit, ETags, and fields that do not say that
/// they are (<see cref="FieldAttribute.InKey"/>). A change of what is hashed takes the next number, so that keys of two schemes never meet.
/// </summary>
public static class RunKey
{
    public static string Of(RunSpec spec) => "k1-" + CanonicalJson.Hash("serverless-run-key-1", new JsonObject(
        KeyPart.All.Select(part => KeyValuePair.Create(part.HashedAs, part.Hashed(spec))).Where(part => part.Value is not null)));
}
