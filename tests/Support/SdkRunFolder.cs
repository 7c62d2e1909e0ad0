using System.Globalization;
using System.Text;
using Serverless.Contract;

namespace Serverless.Tests.Support;

/// <summary>A folder that stands for what a worker gives a run: parameters, inputs and an output folder, removed afterwards.</summary>
sealed class SdkRunFolder : IDisposable
{
    private readonly List<(string Name, string Value)> variables = [];

    public SdkRunFolder()
    {
        Root = Directory.CreateTempSubdirectory("sdk-run-").FullName;
        Set(ContractNames.Output, Directory.CreateDirectory(Output).FullName);
        Set(ContractNames.RunId, "RUN");
        Set(ContractNames.Device, "cpu");
        Set(ContractNames.Seed, "7");
    }

    public string Root { get; }
    public string Output => Path.Combine(Root, "output");
    public string Checkpoints => Path.Combine(Output, ContractNames.Checkpoints);

    public string Checkpoint(long step) => Path.Combine(Checkpoints, step.ToString(CultureInfo.InvariantCulture));

    public SdkRunFolder Set(string name, string value)
    {
        variables.Add((name, value));
        return this;
    }

    public SdkRunFolder Params(string json)
    {
        var file = Path.Combine(Root, "params.json");
        File.WriteAllText(file, json);
        return Set(ContractNames.Params, file);
    }

    public SdkRunFolder Input(string path, byte[] content)
    {
        var inputs = Path.Combine(Root, "inputs");
        var file = Path.Combine(inputs, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllBytes(file, content);
        return Set(ContractNames.Inputs, inputs);
    }

    public SdkRunFolder Input(string path, string content) => Input(path, Encoding.UTF8.GetBytes(content));

    public Task<SdkProgram.Outcome> Run(SdkProgram program, params string[] arguments) => program.Run(Root, variables, arguments);

    public System.Diagnostics.Process Start(SdkProgram program, params string[] arguments) => program.Start(Root, variables, arguments);

    public List<MetricPoint> Metrics()
    {
        var points = new List<MetricPoint>();
        new MetricStreamReader().Read(File.ReadAllBytes(Path.Combine(Output, ContractNames.MetricsBinary)), points);
        return points;
    }

    public void Dispose() => TemporaryFolder.Delete(Root);
}
