using Serverless.Client.Http;

namespace Serverless.Client;

public sealed partial class ServerlessClient
{
    /// <summary>Messages that could not be handled.</summary>
    public Task<DeadLetterList> GetDeadLetters(CancellationToken cancel = default) => Get<DeadLetterList>("api/dead-letters", cancel);

    /// <summary>Sends one again.</summary>
    public Task Requeue(DeadLetterInfo letter, CancellationToken cancel = default) =>
        Do(Call.Post($"api/dead-letters/{Escaped(letter.Queue)}/{Escaped(letter.Id)}/requeue"), cancel);
}
