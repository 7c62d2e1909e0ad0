using System.Diagnostics;
using System.Text;
using Serverless.GpuWorker.Compile;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Prepare;

/// <summary>A compiler as its agent sees it: it answers one request after another, until it has to be ended. When the agent dies, it dies.</summary>
sealed class CompilerProcess : IDisposable
{
    private const int MaxSaid = 2000, SigBus = 7, SigSegv = 11;

    private readonly Process process;
    private readonly BinaryWriter requests;
    private readonly BoundedLines answers;
    private readonly Task<string> said;
    private bool isReady;

    private CompilerProcess(Process process)
    {
        this.process = process;
        requests = new(process.StandardInput.BaseStream);
        answers = new(process.StandardOutput.BaseStream);
        said = Task.Factory.StartNew(() => Listen(process.StandardError.BaseStream), TaskCreationOptions.LongRunning);
    }

    public bool HasExited => process.HasExited;

    /// <param name="warm">It compiles a sample before it takes requests.</param>
    /// <exception cref="System.ComponentModel.Win32Exception">The machine has no process or no memory left for it.</exception>
    public static CompilerProcess Start(IReadOnlyDictionary<string, string> environment, bool warm) =>
        new(Children.Start([RunnerProgram.Path, .. RunnerProgram.Arguments, "compiler", .. warm ? (string[])["warm"] : []], environment));

    /// <param name="log">Takes the lines that come before the last word.</param>
    /// <returns>The last word. It comes at the latest when the process is killed; only after <see cref="CompileAnswer.Kinds.Compiled"/> and
    /// <see cref="CompileAnswer.Kinds.Failed"/> is the process good for another request.</returns>
    public Task<CompileAnswer> Compile(CompileRequest request, Action<string> log) =>
        Task.Factory.StartNew(() => Ask(request, log), TaskCreationOptions.LongRunning);

    public void Kill() => process.Kill();

    public void Dispose()
    {
        Kill();
        process.WaitForExit();
        Children.Forget(process.Id);
        process.Dispose();
    }

    private CompileAnswer Ask(CompileRequest request, Action<string> log)
    {
        var memory = new OutOfMemoryEvidence();
        try
        {
            request.Write(requests);
        }
        catch (IOException)
        {
            // It has died; its end says of what.
        }

        while (answers.ReadLine() is { } line)
        {
            switch (CompileAnswer.From(line))
            {
                case null:
                    break;
                case { Kind: CompileAnswer.Kinds.Ready }:
                    isReady = true;
                    break;
                case { Kind: CompileAnswer.Kinds.Log, Text: var text }:
                    log(text);
                    break;
                case var last:
                    return last;
            }
        }

        process.WaitForExit();
        return End(process.ExitCode, said.Result, memory.Found);
    }

    // The runtime's own words are all there is to tell the ends of it apart by: it aborts itself for each of them.
    private CompileAnswer End(int code, string words, bool kernelKilled) => code switch
    {
        128 + Native.SigKill when kernelKilled => new(CompileAnswer.Kinds.OutOfMemory),
        128 + Native.SigAbort when isReady && words.StartsWith("Out of memory", StringComparison.Ordinal) => new(CompileAnswer.Kinds.OutOfMemory),
        128 + Native.SigAbort or 128 + SigBus or 128 + SigSegv when isReady => new(CompileAnswer.Kinds.Crashed, words),
        _ => new(CompileAnswer.Kinds.Broken, $"the compiler ended with exit code {code}{(words.Length > 0 ? $": {words}" : "")}"),
    };

    private static string Listen(Stream errors)
    {
        var heard = new StringBuilder();
        try
        {
            using var lines = new BoundedLines(errors);
            while (lines.ReadLine() is { } line)
            {
                if (heard.Length == 0 && line.Length > 0) heard.Append(line.AsSpan(0, Math.Min(line.Length, MaxSaid)));
            }
        }
        catch (Exception)
        {
            // Its pipe was closed: what it said until then counts.
        }

        return heard.ToString().Trim();
    }
}
