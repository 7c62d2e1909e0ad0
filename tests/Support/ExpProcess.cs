using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Serverless.Tests.Support;

/// <summary>What a finished <c>exp</c> said.</summary>
sealed record ExpResult(int ExitCode, string Output, string Error)
{
    public JsonElement Json => JsonElement.Parse(Output);

    public string[] ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public override string ToString() => $"exit code {ExitCode}\n--- output\n{Output}\n--- error\n{Error}";
}

/// <summary>The real <c>exp</c> as a process, in a folder of its own, with no environment of the tester's that it would look at.</summary>
sealed class ExpProcess : IDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly StringBuilder output = new(), error = new();
    private readonly Task reading;

    private ExpProcess(ProcessStartInfo start)
    {
        Process = Process.Start(start)!;
        Process.StandardInput.Close();
        reading = Task.WhenAll(Read(Process.StandardOutput, output), Read(Process.StandardError, error));
    }

    public Process Process { get; }

    public static ExpProcess Start(string folder, IReadOnlyDictionary<string, string> environment, params IEnumerable<string> arguments) =>
        StartUnder([], folder, environment, arguments);

    /// <param name="around">A command to run it under, which becomes it.</param>
    public static ExpProcess StartUnder(
        IReadOnlyList<string> around, string folder, IReadOnlyDictionary<string, string> environment, params IEnumerable<string> arguments)
    {
        string[] line = [.. around, BuiltPrograms.PathOf("cli", "exp"), .. arguments];
        var start = new ProcessStartInfo(line[0])
        {
            WorkingDirectory = folder, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        foreach (var argument in line.Skip(1)) start.ArgumentList.Add(argument);
        foreach (var name in start.Environment.Keys.Where(IsTesters).ToList()) start.Environment.Remove(name);
        start.Environment["HOME"] = folder;
        foreach (var (name, value) in environment) start.Environment[name] = value;
        return new(start);
    }

    public static async Task<ExpResult> Run(string folder, IReadOnlyDictionary<string, string> environment, params IEnumerable<string> arguments)
    {
        using var exp = Start(folder, environment, arguments);
        return await exp.Ended();
    }

    public async Task<ExpResult> Ended()
    {
        await Process.WaitForExitAsync().WaitAsync(Patience);
        await reading.WaitAsync(Patience);
        return new(Process.ExitCode, Text(output), Text(error));
    }

    /// <summary>Waits until the text appears on standard output or error.</summary>
    public Task Says(string text) => Eventually.True(
        () => Text(output).Contains(text, StringComparison.Ordinal) || Text(error).Contains(text, StringComparison.Ordinal), Patience, () =>
            $"'{text}' in\n{Text(output)}\n{Text(error)}");

    public void Signal(string name) => Process.Start("kill", [$"-{name}", $"{Process.Id}"]).WaitForExit();

    public void Dispose()
    {
        if (!Process.HasExited) Process.Kill(entireProcessTree: true);
        Process.Dispose();
    }

    /// <summary>A variable that <c>exp</c> would look at, and that is the tester's own.</summary>
    public static bool IsTesters(string name) =>
        name.StartsWith("EXP_", StringComparison.Ordinal) || name is "NO_COLOR" or "XDG_DATA_HOME" or "XDG_CONFIG_HOME";

    private static async Task Read(StreamReader from, StringBuilder to)
    {
        var buffer = new char[4096];
        for (int read; (read = await from.ReadAsync(buffer)) > 0;)
        {
            lock (to) to.Append(buffer, 0, read);
        }
    }

    private static string Text(StringBuilder text)
    {
        lock (text) return text.ToString();
    }
}
