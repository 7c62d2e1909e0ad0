using Serverless.Client.Http;

namespace Serverless.Client;

public sealed partial class ServerlessClient
{
    /// <summary>The workspace's keys, without their secrets.</summary>
    public Task<KeyList> GetKeys(CancellationToken cancel = default) => Get<KeyList>("api/keys", cancel);

    /// <summary>How one comes in, besides with a key; needs none.</summary>
    public Task<LoginWays> GetLoginWays(CancellationToken cancel = default) => Get<LoginWays>("api/login", cancel);

    /// <summary>Makes a key, or lets somebody in.</summary>
    /// <returns>The key with its secret, which no other answer has.</returns>
    public Task<ApiKeyInfo> AddKey(NewKey wanted, CancellationToken cancel = default) =>
        Send<ApiKeyInfo>(Call.Post("api/keys", Call.Json(wanted)), cancel);

    /// <summary>From now on it opens nothing.</summary>
    public Task RevokeKey(string id, CancellationToken cancel = default) => Do(Call.Delete($"api/keys/{Escaped(id)}"), cancel);
}
