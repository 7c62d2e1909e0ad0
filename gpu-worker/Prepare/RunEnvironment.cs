using System.Collections;
using System.Globalization;
using System.Text.Json;
using Serverless.Contract;
using Serverless.Core.Runs;
using Serverless.GpuWorker.Execute;

namespace Serverless.GpuWorker.Prepare;

/// <summary>The environment that code sees: a little of this machine's, the spec's own, and the contract's.</summary>
/// <param name="user">Whom the code runs as; null: as this process does.</param>
/// <param name="mark">By which processes of this worker are found when it is gone.</param>
/// <param name="limitsProcessors">Whether a limit of processors applies that .NET programs of a run would not see by themselves.</param>
sealed class RunEnvironment(CodeUser? user, string mark, bool limitsProcessors)
{
    /// <summary>
    /// Characters of a parameter that still go into a variable; Linux refuses to start a program with one of 128 KiB. The file of parameters has them
    /// all.
    /// </summary>
    private const int MaxVariable = 16 * 1024;

    /// <summary>
    /// Python writes what it has compiled beside its source, also into what a set-up left for every run. What is compiled already is read.
    /// </summary>
    public const string NoBytecode = "PYTHONDONTWRITEBYTECODE";

    /// <summary>Python keeps what it prints to a pipe until 8 KiB have come together; whoever watches a run waits for its first line.</summary>
    private const string Unbuffered = "PYTHONUNBUFFERED";

    private static readonly string[] PassedOn =
    [
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
        "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES",
        "DOTNET_ROOT", "DOTNET_CLI_HOME", "NUGET_PACKAGES", "SSL_CERT_FILE", "SSL_CERT_DIR",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    ];

    /// <summary>What of this process's environment any other may have.</summary>
    public static IReadOnlyDictionary<string, string> Inherited { get; } = ReadOfMachine();

    /// <summary>
    /// What every process of a run gets of this one's environment: where programs, libraries and certificates are, and the language.
    /// </summary>
    public Dictionary<string, string> OfMachine()
    {
        var all = new Dictionary<string, string>(Inherited) { [Leftovers.Variable] = mark };
        if (limitsProcessors) all["DOTNET_PROCESSOR_COUNT"] = Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture);
        if (user is null) return all;
        (all["USER"], all["LOGNAME"]) = (user.Name, user.Name);
        all.Remove("HOME");
        all.Remove("DOTNET_CLI_HOME");
        return all;
    }

    /// <param name="device"><c>cpu</c> or <c>cuda:0</c>.</param>
    public Dictionary<string, string> For(RunRecord run, WorkFolder folder, string device)
    {
        var all = OfMachine();
        if (user is not null) all["HOME"] = folder.Home;
        all[NoBytecode] = "1";
        all[Unbuffered] = "1";
        all["TMPDIR"] = folder.Temporary;
        foreach (var (name, value) in run.Spec.Env) all[name] = value;
        all[Leftovers.Variable] = mark;
        all[ContractNames.RunId] = run.Id;
        all[ContractNames.Attempt] = run.Epoch.ToString(CultureInfo.InvariantCulture);
        all[ContractNames.Params] = folder.Params;
        all[ContractNames.Inputs] = folder.Inputs;
        all[ContractNames.Output] = folder.Output;
        all[ContractNames.Seed] = run.Spec.Seed.ToString(CultureInfo.InvariantCulture);
        all[ContractNames.Device] = device;
        if (run.Head is not null) all[ContractNames.Resume] = folder.Resume;
        if (run.Spec.From is not null) all[ContractNames.From] = folder.From;
        foreach (var (path, value) in ParamPath.Flat(run.Spec.Params))
        {
            if (Scalar(value) is { } text) all[ParamPath.Variable(path)] = text;
        }

        return all;
    }

    private static string? Scalar(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String when value.GetString() is { Length: <= MaxVariable } text && !text.Contains('\0') => text,
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.GetRawText(),
        _ => null,
    };

    private static Dictionary<string, string> ReadOfMachine()
    {
        var all = new Dictionary<string, string>();
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            var name = (string)variable.Key;
            if (PassedOn.Contains(name) || name.StartsWith("LC_", StringComparison.Ordinal)) all[name] = (string?)variable.Value ?? "";
        }

        return all;
    }
}
