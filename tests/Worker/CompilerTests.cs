using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Serverless.Core.Runs;
using Serverless.GpuWorker.Compile;
using Serverless.GpuWorker.Prepare;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>The compiler's process, and the agent's talk with it.</summary>
public sealed class CompilerTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("compiler-tests-").FullName;
    private readonly FakeTimeProvider time = new();
    private readonly Compiler compiler;
    private readonly List<string> log = [];

    public CompilerTests() =>
        compiler = new(new Dictionary<string, string> { ["PATH"] = Environment.GetEnvironmentVariable("PATH") ?? "" }, time, NullLogger.Instance);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<int> Kinds => [.. Enum.GetValues<CompileAnswer.Kinds>().Select(kind => (int)kind)];

    public void Dispose()
    {
        compiler.Dispose();
        TemporaryFolder.Delete(folder);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Answer_IsOneLine_WhateverItSays(int kind)
    {
        var line = new CompileAnswer((CompileAnswer.Kinds)kind, "a\nb\r\n\u2028c é").ToLine();

        Assert.Equal(line.Length - 1, line.IndexOf('\n', StringComparison.Ordinal));
        Assert.Equal(new((CompileAnswer.Kinds)kind, "a b  c é"), CompileAnswer.From(line[..^1]));
    }

    [Theory, InlineData(""), InlineData("1"), InlineData("8 text"), InlineData("11 text"), InlineData("Stack overflow."), InlineData("- text")]
    public void LinesOfSomebodyElse_AreNoAnswers(string line) => Assert.Null(CompileAnswer.From(line));

    [Fact]
    public void Requests_ArriveInTheirOrder_WhateverTheirPaths()
    {
        CompileRequest[] sent = [new("/a b", "träin.cs", "/into\n\"x\""), new("", new string('d', 5000), "/c")];
        using var pipe = new MemoryStream();
        using var writer = new BinaryWriter(pipe, Encoding.UTF8, leaveOpen: true);
        foreach (var request in sent) request.Write(writer);
        pipe.Position = 0;
        using var reader = new BinaryReader(pipe);

        Assert.All(sent, request => Assert.Equal(request, CompileRequest.Read(reader)));
        Assert.Throws<EndOfStreamException>(() => CompileRequest.Read(reader));
    }

    [Fact]
    public async Task OneProcess_CompilesOneProgramAfterAnother_AlsoAfterErrors()
    {
        await Compile("Console.WriteLine(1);");
        var process = TheProcess();
        var error = await Assert.ThrowsAsync<PreparationException>(() => Compile("int x = \"text\";"));
        await Compile("var x = TorchSharp.torch.zeros(1);");

        Assert.Equal((Cause.Build, process), (error.Cause, TheProcess()));
        Assert.StartsWith("train.cs(1,9): error CS0029: ", error.Message, StringComparison.Ordinal);
        Assert.Equal(error.Message, Assert.Single(log));
        Assert.Contains("TorchSharp", await File.ReadAllLinesAsync(Path.Combine(folder, CSharpCompiler.ReferencesFile), Token));
    }

    /// <summary>It runs as the agent's user, who can read more than the source's author.</summary>
    [Fact]
    public async Task AFileThatTheSourceNames_IsNotOpened()
    {
        var said = new List<string>();
        foreach (var file in (string[])[Path.Combine(folder, "train.cs"), Path.Combine(folder, "missing")])
        {
            var error = await Assert.ThrowsAsync<PreparationException>(() => Compile($"[assembly: System.Reflection.AssemblyKeyFile(\"{file}\")]"));
            said.Add(error.Message.Replace(file, "FILE", StringComparison.Ordinal));
        }

        Assert.Contains("CS7027", said[0], StringComparison.Ordinal);
        Assert.Equal(said[0], said[1]);
    }

    [Fact]
    public async Task WithoutATimeout_ACompileEndsAfterFiveMinutes_AndTheNextProgramIsCompiled()
    {
        var endless = Compile(HostileSource.Endless);
        var process = TheProcess();
        time.Advance(TimeSpan.FromMinutes(5));

        var ended = await Assert.ThrowsAsync<PreparationException>(() => endless);

        Assert.Equal(Cause.Build, ended.Cause);
        Assert.StartsWith("train.cs did not compile within 5 minutes; ", ended.Message, StringComparison.Ordinal);
        Assert.Equal(ended.Message, Assert.Single(log));
        Assert.False(CompilerChild.Lives(process));
        await Compile("Console.WriteLine(1);");
    }

    [Fact]
    public async Task Cancelled_NothingIsLeftThatWrites()
    {
        using var cancel = new CancellationTokenSource();
        var endless = Compile(HostileSource.Endless, cancel.Token);
        var process = TheProcess();
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => endless);

        Assert.False(CompilerChild.Lives(process));
    }

    [Fact]
    public void TheSampleForWarmingUp_IsAProgram() => Assert.True(CSharpCompiler.Warm());

    [Fact]
    public void Disposed_ItsProcessIsGone()
    {
        compiler.Warm();
        var process = TheProcess();

        compiler.Dispose();

        Assert.False(CompilerChild.Lives(process));
    }

    private async Task Compile(string source, CancellationToken? cancel = null)
    {
        File.WriteAllText(Path.Combine(folder, "train.cs"), source);
        await compiler.Compile(new(folder, "train.cs", folder), timeout: null, log.Add, cancel ?? Token);
    }

    private static int TheProcess() => CompilerChild.Of(Environment.ProcessId) ?? throw new InvalidOperationException("there is no compiler");
}
