namespace Serverless.Client.Http;

/// <summary>
/// Waits for an answer as long as it takes, while the platform answers at all: a large upload may take hours, and one that was stopped or hangs takes
/// connections without ever answering.
/// </summary>
sealed class AnswerWatch(HttpClient http, ServerlessClientOptions options)
{
    private const int Tries = 4;

    /// <exception cref="ApiException">It answers nothing any more.</exception>
    public async Task<HttpResponseMessage> Await(Func<CancellationToken, Task<HttpResponseMessage>> send, CancellationToken cancel)
    {
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var answer = send(giveUp.Token);
        var silent = 0;
        while (!await IsThere(answer, giveUp.Token))
        {
            if (await Answers(giveUp.Token)) silent = 0;
            else if (++silent == 1) options.Waiting?.Invoke();
            if (silent < Tries || answer.IsCompleted) continue;
            await giveUp.CancelAsync();
            await ((Task)answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw new ApiException(
                ApiFault.Silent,
                $"the platform at {options.Address} takes connections and does not answer; is its process stopped, or its machine overloaded?");
        }

        return await answer;
    }

    private async Task<bool> IsThere(Task answer, CancellationToken cancel)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var done = await Task.WhenAny(answer, Task.Delay(options.Patience, options.Time, waiting.Token)) == answer;
        await waiting.CancelAsync();
        return done || cancel.IsCancellationRequested;
    }

    // Without the key: whether somebody is there needs none.
    private async Task<bool> Answers(CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(options.Patience, options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            using var health = await http.GetAsync("api/health", HttpCompletionOption.ResponseHeadersRead, either.Token);
            return true;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }
}
