using System.Security.Cryptography;

namespace Serverless.Client;

/// <summary>Where a platform is, what opens it, and how patient to be with it.</summary>
public sealed record ServerlessClientOptions
{
    /// <summary>The platform's address, such as <c>http://127.0.0.1:4590</c>.</summary>
    public required Uri Address { get; init; }

    /// <summary>
    /// Gives the key (or a token) that is sent along; asked before every request, those that repeat or resume another included, and before nothing is
    /// sent that it opens. Null, or
    /// null from it: none is sent. It may throw an <see cref="ApiException"/>: then the request is not sent. Redirections elsewhere never get the
    /// key.
    /// </summary>
    public Func<CancellationToken, ValueTask<string?>>? Key { get; init; }

    /// <summary>How requests that may be sent twice are sent again.</summary>
    public RetryOptions Retry { get; init; } = new();

    /// <summary>
    /// How long an answer may take before the platform is asked whether it is there at all; it has to miss that four times in a row. Default 3
    /// seconds.
    /// </summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a log that is followed waits for a platform that is away. Default 2 minutes.</summary>
    public TimeSpan FollowPatience { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Called when the platform has missed <see cref="Patience"/> for the first time in a row: somebody may be waiting.</summary>
    public Action? Waiting { get; init; }

    /// <summary>Default: the system's.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Makes what a request is recognized by when it is sent twice. Default: 128 random bits.</summary>
    public Func<string> NewIdempotencyKey { get; init; } = () => RandomNumberGenerator.GetHexString(32, lowercase: true);

    /// <summary>What requests go through; null: a handler of the client's own. It is disposed with the client.</summary>
    public HttpMessageHandler? Handler { get; init; }
}

/// <summary>
/// Retries of what failed for a moment: no connection, a connection that broke, or 408, 429, 502, 503 and 504. Only what may be sent twice is:
/// reading, putting, deleting, and
/// submissions, which carry an Idempotency-Key.
/// </summary>
public sealed record RetryOptions
{
    /// <summary>How often a request is sent again. Default 3; 0: never.</summary>
    public int MaxRetries { get; init; } = 3;

    /// <summary>
    /// The wait before the first retry; it doubles each time, with jitter. Default 250 ms. A Retry-After of the answer counts instead.
    /// </summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>The longest wait; an answer whose Retry-After asks for more is not waited for. Default 30 seconds.</summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromSeconds(30);
}
