using System.Collections.Immutable;
using System.Globalization;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Text;

namespace Serverless.GpuWorker.Compile;

/// <summary>
/// Compiles an experiment without a project file: the entry file and all other C# files in its folder and below. Other files with statements of their
/// own (further scripts beside it) are left out, and of several programs the entry's is the one that runs.
/// </summary>
static class CSharpCompiler
{
    public const string AssemblyName = "experiment";
    public const string AssemblyFile = AssemblyName + ".dll";

    /// <summary>Names of the assemblies that the program uses, one a line: whoever asks need not read a file that may be huge.</summary>
    public const string ReferencesFile = AssemblyName + ".references";

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

    private const string Sample = """
        using Serverless; using TorchSharp; using static TorchSharp.torch;
        var rows = Enumerable.Range(0, 3).Select(i => new Row(i, $"row {i}")).Where(row => row.Name.Length > 0).ToList();
        foreach (var (index, name) in rows) Console.WriteLine($"{index:0.0} {name}");
        using var scope = NewDisposeScope();
        var model = nn.Linear(2, 1);
        await Task.CompletedTask;
        record Row(int Index, string Name);
        """;

    /// <summary>Compiles what lies on every program's way, so that the first program need not wait for it.</summary>
    /// <returns>Whether the sample compiled. When it did not, only the first half of the way was gone.</returns>
    public static bool Warm()
    {
        var usings = CSharpSyntaxTree.ParseText(SourceText.From(ImplicitUsings, Encoding.UTF8), Parsing, "implicit-usings.cs");
        var sample = CSharpSyntaxTree.ParseText(SourceText.From(Sample, Encoding.UTF8), Parsing, "sample.cs");
        return Emit([sample, usings], Stream.Null, Stream.Null).Success;
    }

    /// <summary>Writes <see cref="AssemblyFile"/>, its symbols and its <see cref="ReferencesFile"/>.</summary>
    /// <param name="log">Takes every error, a line each.</param>
    /// <returns>Whether the code compiled; when it did not, with the first errors.</returns>
    public static CompileAnswer Compile(CompileRequest request, Action<string> log)
    {
        using var assembly = new MemoryStream();
        using var symbols = new MemoryStream();
        var emitted = Emit(Parse(request.Source, request.Entry), assembly, symbols);
        if (!emitted.Success) return Failure(emitted.Diagnostics, log);
        Write(assembly, request.Into, AssemblyFile);
        Write(symbols, request.Into, AssemblyName + ".pdb");
        File.WriteAllLines(Path.Combine(request.Into, ReferencesFile), ReferencesOf(assembly));
        return new(CompileAnswer.Kinds.Compiled);
    }

    // Without analyzers and generators: nothing of the snapshot is executed here.
    private static EmitResult Emit(List<SyntaxTree> trees, Stream assembly, Stream symbols)
    {
        var compilation = CSharpCompilation.Create(AssemblyName, trees, CompileReferences.All, Options);
        if (MainOf(trees[0]) is { } main) compilation = compilation.WithOptions(Options.WithMainTypeName(main));
        return compilation.Emit(assembly, symbols, options: new EmitOptions(debugInformationFormat: DebugInformationFormat.PortablePdb));
    }

    private static void Write(MemoryStream content, string folder, string name)
    {
        using var file = File.Create(Path.Combine(folder, name));
        content.WriteTo(file);
    }

    private static List<string> ReferencesOf(MemoryStream assembly)
    {
        assembly.Position = 0;
        using var image = new PEReader(assembly, PEStreamOptions.LeaveOpen);
        var metadata = image.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
    }

    private static List<SyntaxTree> Parse(string source, string entry)
    {
        var main = ParseFile(source, entry);
        var usings = CSharpSyntaxTree.ParseText(SourceText.From(ImplicitUsings, Encoding.UTF8), Parsing, "implicit-usings.cs");
        var trees = new List<SyntaxTree> { main, usings };
        var folder = Path.GetDirectoryName(entry) ?? "";
        string[] folders = folder is not ("" or Shared) && Directory.Exists(Path.Combine(source, Shared)) ? [folder, Shared] : [folder];
        var files = folders.SelectMany(one => Directory.EnumerateFiles(Path.Combine(source, one), "*.cs", SearchOption.AllDirectories));
        foreach (var file in files.Distinct().Order(StringComparer.Ordinal))
        {
            var path = Path.GetRelativePath(source, file);
            if (path == entry || path.Split('/').Any(part => part is "bin" or "obj")) continue;
            var tree = ParseFile(source, path);
            if (!HasStatements(tree)) trees.Add(tree);
        }

        return trees;
    }

    private static SyntaxTree ParseFile(string source, string path)
    {
        using var file = File.OpenRead(Path.Combine(source, path));
        // The path goes into the symbols: stack traces then say train.cs:line 12.
        return CSharpSyntaxTree.ParseText(SourceText.From(file, Encoding.UTF8, canBeEmbedded: false), Parsing, path);
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

    private static CompileAnswer Failure(ImmutableArray<Diagnostic> diagnostics, Action<string> log)
    {
        var errors = diagnostics.Where(found => found.Severity == DiagnosticSeverity.Error)
            .OrderBy(found => found.Location.SourceTree?.FilePath, StringComparer.Ordinal).ThenBy(found => found.Location.SourceSpan.Start)
            .Select(Line).Distinct().ToList();
        foreach (var error in errors.Take(MaxErrorsInLog)) log(error);
        if (errors.Count > MaxErrorsInLog) log($"and {errors.Count - MaxErrorsInLog} errors more");
        var rest = errors.Count > MaxErrorsInMessage ? $"; and {errors.Count - MaxErrorsInMessage} more" : "";
        return new(CompileAnswer.Kinds.Failed, string.Join("; ", errors.Take(MaxErrorsInMessage)) + rest);
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
