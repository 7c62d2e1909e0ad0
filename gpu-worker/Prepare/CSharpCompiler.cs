using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Text;
using Serverless.Core.Logs;
using Serverless.Core.Runs;
using Serverless.Core.Triggers;

namespace Serverless.GpuWorker.Prepare;

/// <summary>
/// Compiles an experiment without a project file: the entry file and all other C# files in its folder and below. Other files with statements of their
/// own (further scripts beside it) are left out, and of several programs the entry's is the one that runs.
/// </summary>
static class CSharpCompiler
{
    public const string AssemblyName = "experiment";
    public const string AssemblyFile = AssemblyName + ".dll";

    /// <summary>A folder at the snapshot's root whose C# files belong to every program in it: what several experiments have in common.</summary>
    private const string Shared = "shared";
    private const int MaxErrorsInMessage = 3, MaxErrorsInLog = 100;

    private static readonly CSharpParseOptions Parsing = CSharpParseOptions.Default
        .WithLanguageVersion(LanguageVersion.Latest)
        // `#:package` and `#:sdk` lines let a file run by `dotnet run` as well; here the references are given.
        .WithFeatures([new("FileBasedProgram", "true")]);

    private static readonly CSharpCompilationOptions Options = new CSharpCompilationOptions(OutputKind.ConsoleApplication)
        .WithOptimizationLevel(OptimizationLevel.Release)
        .WithNullableContextOptions(NullableContextOptions.Annotations)
        .WithAllowUnsafe(true)
        .WithDeterministic(true)
        .WithConcurrentBuild(true)
        .WithAssemblyIdentityComparer(DesktopAssemblyIdentityComparer.Default);

    private const string ImplicitUsings = """
        global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq;
        global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;
        """;

    /// <summary>Whatever makes the same source compile to something else, for keys of caches.</summary>
    public static string Identity { get; } = $"{typeof(CSharpCompilation).Assembly.ManifestModule.ModuleVersionId:N}-{CompileReferences.Identity}";

    /// <summary>Writes <see cref="AssemblyFile"/> and its symbols.</summary>
    /// <param name="source">The unpacked snapshot.</param>
    /// <param name="entry">Path of the entry file in it.</param>
    /// <param name="log">Takes every error, a line each.</param>
    /// <exception cref="PreparationException">The code does not compile; the message has the first errors.</exception>
    public static void Compile(string source, string entry, string into, Action<string> log, CancellationToken cancel)
    {
        var trees = Parse(source, entry, cancel);
        var compilation = CSharpCompilation.Create(AssemblyName, trees, CompileReferences.All, Options);
        if (MainOf(trees[0]) is { } main) compilation = compilation.WithOptions(Options.WithMainTypeName(main));
        using var assembly = new MemoryStream();
        using var symbols = new MemoryStream();
        var emitting = new EmitOptions(debugInformationFormat: DebugInformationFormat.PortablePdb);
        var emitted = compilation.Emit(assembly, symbols, options: emitting, cancellationToken: cancel);
        if (!emitted.Success) throw Failure(emitted.Diagnostics, log);
        File.WriteAllBytes(Path.Combine(into, AssemblyFile), assembly.ToArray());
        File.WriteAllBytes(Path.Combine(into, AssemblyName + ".pdb"), symbols.ToArray());
    }

    private static List<SyntaxTree> Parse(string source, string entry, CancellationToken cancel)
    {
        var main = ParseFile(source, entry, cancel);
        var usings = CSharpSyntaxTree.ParseText(SourceText.From(ImplicitUsings, Encoding.UTF8), Parsing, "implicit-usings.cs", cancel);
        var trees = new List<SyntaxTree> { main, usings };
        var folder = Path.GetDirectoryName(entry) ?? "";
        string[] folders = folder is not ("" or Shared) && Directory.Exists(Path.Combine(source, Shared)) ? [folder, Shared] : [folder];
        var files = folders.SelectMany(one => Directory.EnumerateFiles(Path.Combine(source, one), "*.cs", SearchOption.AllDirectories));
        foreach (var file in files.Distinct().Order(StringComparer.Ordinal))
        {
            var path = Path.GetRelativePath(source, file);
            if (path == entry || path.Split('/').Any(part => part is "bin" or "obj")) continue;
            var tree = ParseFile(source, path, cancel);
            if (!HasStatements(tree)) trees.Add(tree);
        }

        return trees;
    }

    private static SyntaxTree ParseFile(string source, string path, CancellationToken cancel)
    {
        using var file = File.OpenRead(Path.Combine(source, path));
        // The path goes into the symbols: stack traces then say train.cs:line 12.
        return CSharpSyntaxTree.ParseText(SourceText.From(file, Encoding.UTF8, canBeEmbedded: false), Parsing, path, cancel);
    }

    private static bool HasStatements(SyntaxTree tree) => tree.GetCompilationUnitRoot().Members.OfType<GlobalStatementSyntax>().Any();

    // Null leaves the choice to the compiler: top-level statements, or the only Main there is.
    private static string? MainOf(SyntaxTree entry)
    {
        if (HasStatements(entry)) return null;
        var method = entry.GetRoot().DescendantNodes().OfType<MethodDeclarationSyntax>()
            .FirstOrDefault(method => method.Identifier.Text == "Main"
                && method.Modifiers.Any(SyntaxKind.StaticKeyword) && method.Parent is TypeDeclarationSyntax { TypeParameterList: null });
        if (method is null) return null;
        var names = method.Ancestors().Select(ancestor => ancestor switch
        {
            TypeDeclarationSyntax type => type.Identifier.Text,
            BaseNamespaceDeclarationSyntax space => space.Name.ToString(),
            _ => null,
        });
        return string.Join('.', names.OfType<string>().Reverse());
    }

    private static PreparationException Failure(ImmutableArray<Diagnostic> diagnostics, Action<string> log)
    {
        var errors = diagnostics.Where(found => found.Severity == DiagnosticSeverity.Error)
            .OrderBy(found => found.Location.SourceTree?.FilePath, StringComparer.Ordinal).ThenBy(found => found.Location.SourceSpan.Start)
            .Select(Line).Distinct().ToList();
        foreach (var error in errors.Take(MaxErrorsInLog)) log(error);
        if (errors.Count > MaxErrorsInLog) log($"and {errors.Count - MaxErrorsInLog} errors more");
        var rest = errors.Count > MaxErrorsInMessage ? $"; and {errors.Count - MaxErrorsInMessage} more" : "";
        return new(Cause.Build, string.Join("; ", errors.Take(MaxErrorsInMessage)) + rest);
    }

    // The compiler's usual form, which editors turn into links: train.cs(12,5): error CS0103: …
    private static string Line(Diagnostic found)
    {
        var text = $"error {found.Id}: {found.GetMessage(CultureInfo.InvariantCulture)}";
        if (!found.Location.IsInSource) return text;
        var place = found.Location.GetLineSpan();
        return $"{place.Path}({place.StartLinePosition.Line + 1},{place.StartLinePosition.Character + 1}): {text}";
    }
}
