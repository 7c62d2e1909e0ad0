using System.Text.Json;
using Serverless;

/// <summary>What came out, for reports and for machines: the artifact <c>results.json</c>.</summary>
/// <param name="Accuracy">Of the whole model on the test set, 0–1.</param>
/// <param name="Parameters">Numbers that were learned.</param>
/// <param name="Seconds">Training and testing, without reading the data.</param>
/// <param name="Rows">One a sparsity, ascending; empty for a model that was not pruned.</param>
sealed record Results(string Model, string Data, double Accuracy, long Parameters, double Seconds, IReadOnlyList<PrunedRow> Rows)
{
    public void Save(Run run) => File.WriteAllText(
        run.Artifact("results.json"), JsonSerializer.Serialize(this, new JsonSerializerOptions(JsonSerializerDefaults.Web) { WriteIndented = true }));
}

/// <param name="Sparsity">Fraction of the weights that are cut, 0–1.</param>
/// <param name="Before">Accuracy on the test set right after pruning.</param>
/// <param name="After">And after fine-tuning what is left.</param>
/// <param name="Nonzero">Numbers that are left, biases included.</param>
sealed record PrunedRow(double Sparsity, double Before, double After, long Nonzero);
