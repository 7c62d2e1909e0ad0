using System.Net;

namespace Serverless.Client;

/// <summary>What kind of thing went wrong, and so what can be done.</summary>
public enum ApiFault
{
    /// <summary>Nobody takes connections there.</summary>
    Unreachable,

    /// <summary>The connection broke in the middle, or with the store that large contents go to.</summary>
    Interrupted,

    /// <summary>Connections are taken and nothing is answered.</summary>
    Silent,

    /// <summary>What answered is not the platform, or of another version.</summary>
    NotThePlatform,

    /// <summary>401: no key, or one that opens nothing.</summary>
    Unauthorized,

    /// <summary>403: the key's role is too small. Also when the key was revoked meanwhile.</summary>
    Forbidden,

    /// <summary>404.</summary>
    NotFound,

    /// <summary>Any other 4xx: the request cannot be carried out as it is.</summary>
    Refused,

    /// <summary>408, 429, 502, 503, 504: not now.</summary>
    Unavailable,

    /// <summary>Any other 5xx: the platform failed.</summary>
    Failed,

    /// <summary>501: what was asked for is not there yet.</summary>
    Unsupported,
}

/// <summary>A call that did not succeed. Its message says what to change.</summary>
public sealed class ApiException(ApiFault fault, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What kind it is.</summary>
    public ApiFault Fault => fault;

    /// <summary>Null: there was no answer, or none that could be understood.</summary>
    public HttpStatusCode? Status { get; init; }

    /// <summary>Everything that is wrong with what was sent, each with its path; empty when the message says all.</summary>
    public IReadOnlyList<Problem> Problems { get; init; } = [];

    /// <summary>How long the platform asked to wait.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The same may succeed a moment later.</summary>
    public bool IsTransient => fault is ApiFault.Unreachable or ApiFault.Interrupted or ApiFault.Unavailable;
}
