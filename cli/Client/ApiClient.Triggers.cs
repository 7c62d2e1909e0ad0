using Serverless.Core.Triggers;

namespace Serverless.Cli.Client;

sealed partial class ApiClient
{
    public Task<TriggerList> GetTriggers(CancellationToken cancel) => Get<TriggerList>("api/triggers", cancel);

    public Task<TriggerRecord> GetTrigger(string name, CancellationToken cancel) => Get<TriggerRecord>(TriggerPath(name), cancel);

    public Task<TriggerRecord> PutTrigger(TriggerDefinition definition, CancellationToken cancel) => Send<TriggerRecord>(HttpMethod.Put, TriggerPath(definition.Name), Json(definition), cancel);

    public async Task DeleteTrigger(string name, CancellationToken cancel) => (await Send(HttpMethod.Delete, TriggerPath(name), null, cancel)).Dispose();

    public Task<TriggerRecord> PauseTrigger(string name, bool paused, CancellationToken cancel) => Send<TriggerRecord>(HttpMethod.Post, $"{TriggerPath(name)}/{(paused ? "pause" : "resume")}", null, cancel);

    /// <param name="definition">Null: the stored one.</param>
    public Task<TriggerTrial> TestTrigger(string name, TriggerDefinition? definition, CancellationToken cancel) =>
        Send<TriggerTrial>(HttpMethod.Post, $"{TriggerPath(name)}/test", definition is null ? null : Json(definition), cancel);

    public Task<Replayed> ReplayTrigger(string name, string? firing, bool stopped, CancellationToken cancel) =>
        Send<Replayed>(HttpMethod.Post, $"{TriggerPath(name)}/replay" + Query(("event", firing), ("stopped", stopped ? "true" : null)), null, cancel);

    public Task<FiringList> GetFirings(string name, int limit, CancellationToken cancel) => Get<FiringList>($"{TriggerPath(name)}/firings" + Query(("limit", $"{limit}")), cancel);

    private static string TriggerPath(string name) => $"api/triggers/{Escaped(name)}";
}
