using System.Security.Cryptography;
using System.Text;
using Microsoft.CodeAnalysis;

namespace Serverless.GpuWorker.Compile;

/// <summary>What experiment code may refer to: the running .NET, the SDK, TorchSharp and ML.NET, all as the worker itself has them.</summary>
static class CompileReferences
{
    private static readonly string[] Offered =
        ["Serverless.Sdk", "TorchSharp", "Microsoft.ML", "Microsoft.ML.*", "System.Numerics.Tensors", "SkiaSharp", "ICSharpCode.SharpZipLib"];

    private static readonly List<string> Files = Find();

    public static IReadOnlyList<MetadataReference> All => field ??= [.. Files.Select(file => MetadataReference.CreateFromFile(file))];

    /// <summary>Differs when any reference is another one.</summary>
    public static string Identity { get; } = Hash();

    private static List<string> Find()
    {
        var framework = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        var trusted = ((string?)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return [.. trusted.Where(file => Path.GetDirectoryName(file) == framework
            || Offered.Any(offer => Matches(Path.GetFileNameWithoutExtension(file), offer))).Order(StringComparer.Ordinal)];
    }

    private static bool Matches(string name, string offer) =>
        offer.EndsWith('*') ? name.StartsWith(offer[..^1], StringComparison.Ordinal) : name == offer;

    // Of the framework its folder, which carries the version; of the rest length and time: they are rebuilt in place during development.
    private static string Hash()
    {
        var text = new StringBuilder(Path.GetDirectoryName(typeof(object).Assembly.Location));
        foreach (var file in Files.Where(file => Offered.Any(offer => Matches(Path.GetFileNameWithoutExtension(file), offer))))
        {
            var info = new FileInfo(file);
            text.Append('|').Append(info.Name).Append(' ').Append(info.Length).Append(' ').Append(info.LastWriteTimeUtc.Ticks);
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..16];
    }
}
