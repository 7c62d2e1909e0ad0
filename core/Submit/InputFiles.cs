using System.Globalization;
using Serverless.Core.Datasets;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;

namespace Serverless.Core.Submit;

/// <summary>Turns the inputs of a spec that lie below <c>data/</c> into files, each with the version and the content that it has now.</summary>
internal sealed class InputFiles(IObjectStore store, SubmissionOptions options)
{
    private readonly ContentHashes hashes = new(store);

    /// <param name="inputs">With their places in the spec.</param>
    /// <param name="otherBytes">What the spec's other inputs take of the machine's disk.</param>
    public async Task<IReadOnlyList<InputRef>> Resolve(
        IEnumerable<(int Index, string Input)> inputs, string machine, long otherBytes, ProblemList problems, CancellationToken cancel)
    {
        var files = new SortedDictionary<string, StoredObject>(StringComparer.Ordinal);
        foreach (var (index, input) in inputs)
        {
            if (await Find(input, files, cancel) is { } problem) problems.Add(new(SpecPath.Item("inputs", index), problem));
        }

        // Before they are hashed: reading what is refused anyway would take longest just then.
        var lengthBytes = otherBytes + files.Values.Sum(file => file.LengthBytes);
        if (options.DiskBytes.TryGetValue(machine, out var room) && lengthBytes > room)
        {
            problems.Add(
                new("inputs", $"{Size(lengthBytes)} of inputs do not fit on a machine of class {machine}, which has {Size(room)} for a run's files"));
        }

        if (problems.Count > 0 || files.Count == 0) return [];
        var refs = new InputRef?[files.Count];
        var several = new ParallelOptions { MaxDegreeOfParallelism = options.HashingDegree, CancellationToken = cancel };
        await Parallel.ForEachAsync(files.Values.Index(), several, async (file, stop) => refs[file.Index] = await hashes.Of(file.Item, stop));
        foreach (var (file, found) in files.Keys.Zip(refs))
        {
            if (found is null) problems.Add(new("inputs", $"'{file}' was deleted while it was being read"));
        }

        return problems.Count > 0 ? [] : [.. refs.OfType<InputRef>()];
    }

    private static string Size(long bytes) => bytes >= 1L << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):0.##} GiB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 20):0.##} MiB");

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
}
