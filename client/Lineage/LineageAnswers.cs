using System.Text.Json.Serialization;

namespace Serverless.Client;

/// <summary><c>GET /api/lineage/{id}</c>: what something came from, and what came of it.</summary>
/// <param name="Root">Id of the node that was asked about.</param>
/// <param name="Edges">From cause to effect.</param>
/// <param name="Cut">There may be more than was followed: deeper, or more of it than one answer holds.</param>
public sealed record LineageGraph(string Root, IReadOnlyList<LineageNode> Nodes, IReadOnlyList<LineageEdge> Edges, bool Cut);

/// <param name="Id">
/// <c>run:ID</c>, <c>dataset:digits:3</c>, <c>trigger:NAME</c>, or <c>file:data/x@hash~RUN</c>: a file, or the files of a folder, as that run
/// published them.
/// </param>
/// <param name="Label">What it is called.</param>
/// <param name="Detail">More about it in a few words.</param>
/// <param name="State">Of a run, as the run has it; <c>deleted</c>: it is no longer there.</param>
public sealed record LineageNode(string Id, LineageKind Kind, string Label, string? Detail = null, string? State = null)
{
    /// <summary>The run's id, or the dataset's reference, or the path.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public string Name => Id[(Id.IndexOf(':', StringComparison.Ordinal) + 1)..];
}

/// <summary>Answer of <c>POST /api/lineage</c>.</summary>
/// <param name="Records">Runs and datasets that were read.</param>
public sealed record LineageRebuilt(int Records);

[JsonConverter(typeof(EnumNamesConverter<LineageKind>))]
public enum LineageKind
{
    Run,
    File,
    Dataset,
    Trigger,
}

public sealed record LineageEdge(string From, string To, LineageRelation Relation, string? Detail = null);

[JsonConverter(typeof(EnumNamesConverter<LineageRelation>))]
public enum LineageRelation
{
    /// <summary>The run wrote the file, and it was published.</summary>
    Published,

    /// <summary>The run left the file among its artifacts.</summary>
    Artifact,

    /// <summary>The run reads the file or the dataset.</summary>
    Input,

    /// <summary>The run started from a checkpoint of the other.</summary>
    Checkpoint,

    /// <summary>A trigger submitted the run because of it.</summary>
    Triggered,

    /// <summary>The dataset's version was made of the files.</summary>
    MadeOf,
}
