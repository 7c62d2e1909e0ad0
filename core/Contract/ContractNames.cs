namespace Serverless.Contract;

/// <summary>The names that the worker and experiment code agree on: environment variables, and files under <c>EXP_OUTPUT</c>.</summary>
internal static class ContractNames
{
    public const string RunId = "EXP_RUN_ID";
    public const string Attempt = "EXP_ATTEMPT";

    /// <summary>
    /// Path of a JSON object with the parameters; each scalar is also in <see cref="ParamPrefix"/> + its name in upper case, with '_' for every
    /// character that a variable cannot have.
    /// </summary>
    public const string Params = "EXP_PARAMS";
    public const string ParamPrefix = "EXP_PARAM_";
    public const string Inputs = "EXP_INPUTS";
    public const string Output = "EXP_OUTPUT";
    public const string Resume = "EXP_RESUME";
    public const string Seed = "EXP_SEED";
    public const string Device = "EXP_DEVICE";

    /// <summary>Folder with what <c>from:</c> names: another run's checkpoint, in the layout of <see cref="CheckpointFiles"/>.</summary>
    public const string From = "EXP_FROM";

    public const string MetricsJsonl = "metrics.jsonl";
    public const string MetricsBinary = "metrics.expm";
    public const string Artifacts = "artifacts";

    /// <summary>Below the artifacts: pictures, tables and the like, each tied to a step.</summary>
    public const string Logged = "logged";
    public const string Checkpoints = "checkpoints";
    public const string Data = "data";
}
