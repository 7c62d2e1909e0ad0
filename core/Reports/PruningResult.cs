using System.Text.Json;

namespace Serverless.Core.Reports;

/// <summary>
/// The artifact <c>results.json</c> in which an experiment says how accurate its model is, whole and pruned. Optional everywhere: an experiment that
/// leaves no such file, or another one of that name, is reported by its curves alone.
/// </summary>
/// <param name="Accuracy">Of the whole model on the test set, 0–1.</param>
/// <param name="Data">What it was trained and tested on, in words.</param>
/// <param name="Parameters">Numbers that were learned.</param>
/// <param name="Seconds">Training and testing.</param>
public sealed record PruningResult(double Accuracy, string? Model = null, string? Data = null, long? Parameters = null, double? Seconds = null)
{
    public const string FileName = "results.json";

    private const int MaxRows = 50, MaxText = 100;
    private const double MostSeconds = 1e9;

    /// <summary>One per sparsity, ascending; empty for a model that was not pruned, which serves as the baseline.</summary>
    public IReadOnlyList<PrunedAt> Rows { get; init; } = [];

    /// <summary>Null when the text is something else.</summary>
    public static PruningResult? Read(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize<PruningResult>(json, CoreJson.Options) is { Accuracy: > 0 and <= 1, Rows: { } rows } result
                ? result with
                {
                    Model = Brief(result.Model),
                    Data = Brief(result.Data),
                    Seconds = result.Seconds is >= 0 and < MostSeconds ? result.Seconds : null,
                    Rows = [.. rows.Where(row => row is { Sparsity: >= 0 and < 1, Before: >= 0 and <= 1, After: >= 0 and <= 1 }).OrderBy(row => row.Sparsity).Take(MaxRows)],
                }
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string? Brief(string? text) => text?.Length > MaxText ? text[..(MaxText - 1)] + "…" : text;
}

/// <param name="Sparsity">Fraction of weights that are zero, 0–1.</param>
/// <param name="Before">Accuracy right after pruning.</param>
/// <param name="After">Accuracy after fine-tuning the weights that are left.</param>
/// <param name="Nonzero">Weights that are left.</param>
public sealed record PrunedAt(double Sparsity, double Before, double After, long? Nonzero = null);
