using Serverless.Core.Access;

namespace Serverless.Functions.OpenApi;

/// <summary>What the API's description says of an operation beyond its method and route.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OperationAttribute(string summary) : Attribute
{
    /// <summary>Among <see cref="AnswerTypes"/>: whatever the name of the file says.</summary>
    public const string Any = "*/*";

    public string Summary { get; } = summary;

    /// <summary>What a key must allow at least.</summary>
    public Role Role { get; init; } = Role.Reader;

    /// <summary>Needs no key.</summary>
    public bool Open { get; init; }

    /// <summary>Status of success.</summary>
    public int Status { get; init; } = 200;

    /// <summary>JSON of success.</summary>
    public Type? Answer { get; init; }

    /// <summary>
    /// Content types of success, when it is not JSON alone; <see cref="Answer"/> describes those
    /// that are JSON. <see cref="Any"/>: the type follows from the name.
    /// </summary>
    public string[] AnswerTypes { get; init; } = [];

    /// <summary>Other statuses of success: 204, 304 and 307 have no body, the others that of <see cref="Status"/>.</summary>
    public int[] Also { get; init; } = [];

    /// <summary>JSON of the request.</summary>
    public Type? Body { get; init; }

    /// <summary>Content types of the request's body.</summary>
    public string[] BodyTypes { get; init; } = [];

    /// <summary>Query parameters, by the names of their declarations in <see cref="Http.QueryParameters"/>.</summary>
    public string[] Query { get; init; } = [];

    /// <summary>Request headers, each <c>name: description</c>.</summary>
    public string[] Headers { get; init; } = [];

    /// <summary>Errors, besides those that every operation may answer.</summary>
    public int[] Errors { get; init; } = [];
}
