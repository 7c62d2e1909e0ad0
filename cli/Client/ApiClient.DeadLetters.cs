using Serverless.Core.Messaging;

namespace Serverless.Cli.Client;

sealed partial class ApiClient
{
    public Task<DeadLetterList> GetDeadLetters(CancellationToken cancel) => Get<DeadLetterList>("api/dead-letters", cancel);

    public async Task Requeue(DeadLetterInfo letter, CancellationToken cancel) =>
        (await Send(HttpMethod.Post, $"api/dead-letters/{Escaped(letter.Queue)}/{Escaped(letter.Id)}/requeue", null, cancel)).Dispose();
}
