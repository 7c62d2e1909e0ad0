using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Spec;

/// <summary>Texts that a spec is made of.</summary>
public static class SpecForms
{
    public sealed class Command() : TextForm(@"[\s\S]*\S[\s\S]*", "a command line")
    {
        public override int MostBytes => 16 * 1024;

        protected override string? Further(string text) => string.IsNullOrWhiteSpace(text) ? null : EntryPoint.Problem(text);
    }

    public sealed class Sha256() : TextForm("[0-9a-f]{64}", "a SHA-256: 64 hexadecimal characters, lower case");

    public sealed class Commit() : TextForm("[0-9a-f]{7,64}", "a commit id: 7 to 64 hexadecimal characters, lower case");

    public sealed class CodePath() : TextForm(@"[\s\S]*\S[\s\S]*", "the path of a folder or file");

    public sealed class FilePattern() : TextForm(@"(?=[\s\S]*\S)[\s\S]{1,500}", "a pattern of paths, at most 500 characters");

    public sealed class RunId() : TextForm("[0-9A-Z]{26}", "a run id: 26 characters of 0–9 and A–Z");

    public sealed class Checkpoint() : TextForm(@"last|best|[0-9]+|(max|min):[^\u0000-\u001f\u007f-\u009f]+",
        $"a checkpoint; write {CheckpointChoice.Wanted}")
    {
        public override bool TakesNumbers => true;

        protected override string? Further(string text) => CheckpointChoice.Parse(text) is null ? $"'{text}' is not {Wanted}" : null;
    }

    public sealed class Input() : TextForm(@"data/[\s\S]+|run:[0-9A-Z]{26}/artifacts/[\s\S]+|[^:@]+(:(latest|[1-9][0-9]{0,5})|@[0-9a-f]{8,64})",
        $"a file or folder of the workspace, such as data/digits/, nor {DatasetReference.Wanted}, nor {RunInput.Wanted}")
    {
        protected override string? Further(string text)
        {
            if (text.StartsWith(RunInput.Prefix, StringComparison.Ordinal))
            {
                return RunInput.Parse(text) is null ? $"'{text}' is not an artifact of a run; write {RunInput.Wanted}" : null;
            }
            if (text.StartsWith(WorkspacePaths.Data, StringComparison.Ordinal))
            {
                return ObjectKey.Problem(text.EndsWith('/') ? text[..^1] : text) is { } what ? $"'{text}': {what}" : null;
            }
            return DatasetReference.Parse(text) is null
                ? $"'{text}' is neither below data/ nor a version of a dataset; write a file or folder of the workspace, such as data/digits/, "
                    + $"or {DatasetReference.Wanted}, or {RunInput.Wanted}"
                : null;
        }
    }

    public sealed class Tag() : TextForm(@"[^\s,\u0000-\u001f\u007f-\u009f]{1,64}", "a tag: 1 to 64 characters, no space and no comma");
}
