using Polly;
using Polly.Retry;

namespace Serverless.Client.Http;

/// <summary>Does things again that failed for a moment.</summary>
sealed class Retrying(RetryOptions options, TimeProvider time)
{
    private readonly Lazy<ResiliencePipeline> pipeline = new(() => Make(options, time));

    public int Most => options.MaxRetries;

    /// <param name="attempt">Throws <see cref="ApiException"/>.</param>
    /// <param name="isRepeatable">False: it is done once.</param>
    public async Task<T> Run<T>(Func<CancellationToken, Task<T>> attempt, bool isRepeatable, CancellationToken cancel)
    {
        ApiException? failed;
        try
        {
            return await attempt(cancel);
        }
        catch (ApiException e) when (isRepeatable && options.MaxRetries > 0 && IsWorthIt(e, options))
        {
            failed = e;
        }

        // The first try is outside: loading and compiling the pipeline costs a short-lived program more than its request, and is seldom needed.
        // Inside, it only fails as it did.
        return await pipeline.Value.ExecuteAsync(
            async stop => Interlocked.Exchange(ref failed, null) is { } first ? throw first : await attempt(stop), cancel);
    }

    private static bool IsWorthIt(ApiException e, RetryOptions options) => e.IsTransient && !(e.RetryAfter > options.MaxDelay);

    private static ResiliencePipeline Make(RetryOptions options, TimeProvider time) => new ResiliencePipelineBuilder { TimeProvider = time }
        .AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<ApiException>(e => IsWorthIt(e, options)),
            MaxRetryAttempts = options.MaxRetries,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = options.Delay,
            MaxDelay = options.MaxDelay,
            DelayGenerator = static failed => new((failed.Outcome.Exception as ApiException)?.RetryAfter),
        })
        .Build();
}
