using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Submit;

/// <summary>
/// Turns the inputs of a spec into files, each with the version and the content that it has now. A content is hashed once: the hash is remembered
/// under <c>index/hashes/</c> by path and ETag.
/// </summary>
internal sealed class InputFiles(IObjectStore store, SubmissionOptions options)
{
    private const int Remembered = 10_000;
    private readonly ConcurrentDictionary<string, InputRef> hashed = new(StringComparer.Ordinal);

    public async Task<IReadOnlyList<InputRef>> Resolve(IReadOnlyList<string> inputs, List<Problem> problems, CancellationToken cancel)
    {
        if (inputs.Count == 0) return [];
        var files = new SortedDictionary<string, StoredObject>(StringComparer.Ordinal);
        for (var i = 0; i < inputs.Count; i++)
        {
            var path = SpecPath.Item("inputs", i);
            if (await Find(inputs[i], files, cancel) is { } problem) problems.Add(new(path, problem));
        }

        if (problems.Count > 0) return [];
        var refs = new InputRef?[files.Count];
        var several = new ParallelOptions { MaxDegreeOfParallelism = options.HashingDegree, CancellationToken = cancel };
        await Parallel.ForEachAsync(files.Values.Index(), several, async (file, stop) => refs[file.Index] = await Hashed(file.Item, stop));
        foreach (var (file, found) in files.Keys.Zip(refs))
        {
            if (found is null) problems.Add(new("inputs", $"'{file}' was deleted while it was being read"));
        }

        return problems.Count > 0 ? [] : [.. refs.OfType<InputRef>()];
    }

    private async Task<string?> Find(string input, SortedDictionary<string, StoredObject> files, CancellationToken cancel)
    {
        if (!input.EndsWith('/'))
        {
            if ((await store.Head(input, cancel)).Value is { } file)
            {
                files[input] = file;
                return files.Count > options.MaxInputFiles ? TooMany() : null;
            }

            await foreach (var _ in store.List(input + "/", cancel: cancel)) return $"'{input}' is a folder; write '{input}/'";
            return $"there is no file '{input}' in the workspace{Suggestion.Clause(input, await Siblings(input, cancel))}";
        }

        var any = false;
        await foreach (var file in store.List(input, cancel: cancel))
        {
            any = true;
            files[file.Key] = file;
            if (files.Count > options.MaxInputFiles) return TooMany();
        }

        return any ? null : $"there is nothing under '{input}' in the workspace";

        string TooMany() => $"more than {options.MaxInputFiles} files; pack them into archives";
    }

    private async Task<List<string>> Siblings(string input, CancellationToken cancel)
    {
        var siblings = new List<string>();
        await foreach (var file in store.List(input[..(input.LastIndexOf('/') + 1)], cancel: cancel))
        {
            siblings.Add(file.Key);
            if (siblings.Count == 200) break;
        }

        return siblings;
    }

    private async Task<InputRef?> Hashed(StoredObject file, CancellationToken cancel)
    {
        if (hashed.TryGetValue(file.Key, out var known) && known.ETag == file.ETag) return known;
        var indexKey = WorkspacePaths.ContentHash(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(file.Key))));
        if (await store.Get(indexKey, cancel: cancel) is { } index && index.Json<InputRef>() is var remembered
            && remembered.ETag == file.ETag && remembered.Path == file.Key)
        {
            return Remember(remembered);
        }

        await using var reading = await store.Open(file.Key, cancel: cancel);
        if (reading is null) return null;
        var now = new InputRef(file.Key, reading.Object.ETag, Convert.ToHexStringLower(await SHA256.HashDataAsync(reading.Body, cancel)), reading.Object.LengthBytes);
        await store.PutJson(indexKey, now, cancel: cancel);
        return Remember(now);
    }

    private InputRef Remember(InputRef file)
    {
        if (hashed.Count >= Remembered) hashed.Clear();
        return hashed[file.Path] = file;
    }
}
