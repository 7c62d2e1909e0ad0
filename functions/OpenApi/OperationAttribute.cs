using Serverless.Core.Access;

namespace Serverless.Functions.OpenApi;

/// <summary>What the API's description says of an operation beyond its method and route.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OperationAttribute(string summary) : Attribute
{
    public string Summary { get; } = summary;

    /// <summary>What a key must allow at least.</summary>
    public Role Role { get; init; } = Role.Reader;

    /// <summary>Needs no key.</summary>
    public bool Open { get; init; }

    /// <summary>Status of success.</summary>
    public int Status { get; init; } = 200;

    /// <summary>JSON of success.</summary>
    public Type? Answer { get; init; }

    /// <summary>Content type of an answer that is not JSON.</summary>
    public string? AnswerType { get; init; }

    /// <summary>JSON of the request.</summary>
    public Type? Body { get; init; }

    /// <summary>Content types of the request's body.</summary>
    public string[] BodyTypes { get; init; } = [];

    /// <summary>Query parameters, each <c>name: description</c>.</summary>
    public string[] Query { get; init; } = [];

    /// <summary>Request headers, each <c>name: description</c>.</summary>
    public string[] Headers { get; init; } = [];

    /// <summary>Errors, besides those that every operation may answer.</summary>
    public int[] Errors { get; init; } = [];
}
