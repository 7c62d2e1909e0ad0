using Serverless.Core.Access;
using Serverless.Core.Api;

namespace Serverless.Cli.Client;

sealed partial class ApiClient
{
    public Task<KeyList> GetKeys(CancellationToken cancel) => Get<KeyList>("api/keys", cancel);

    /// <summary>How one comes in without a key; asked without one.</summary>
    public Task<LoginWays> GetLoginWays(CancellationToken cancel) => Get<LoginWays>("api/login", cancel);

    /// <param name="person">Somebody of the platform's directory, who is let in; null: a key is made.</param>
    /// <returns>The key with its secret, which no other answer has.</returns>
    public Task<ApiKeyInfo> AddKey(string name, Role role, Guid? person, CancellationToken cancel) =>
        Send<ApiKeyInfo>(HttpMethod.Post, "api/keys", Json(new NewKeyBody(name, role, person)), cancel);

    public async Task RevokeKey(string id, CancellationToken cancel) => (await Send(HttpMethod.Delete, $"api/keys/{Escaped(id)}", null, cancel)).Dispose();
}

/// <summary>Body of <c>POST /api/keys</c>.</summary>
sealed record NewKeyBody(string Name, Role Role, Guid? Person);
