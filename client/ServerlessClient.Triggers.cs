using Serverless.Client.Http;

namespace Serverless.Client;

public sealed partial class ServerlessClient
{
    /// <summary>All triggers, by name.</summary>
    public Task<TriggerList> GetTriggers(CancellationToken cancel = default) => Get<TriggerList>("api/triggers", cancel);

    /// <summary>One trigger.</summary>
    public Task<TriggerRecord> GetTrigger(string name, CancellationToken cancel = default) => Get<TriggerRecord>(Trigger(name), cancel);

    /// <summary>Stores a trigger, in the place of one of its name.</summary>
    public Task<TriggerRecord> PutTrigger(TriggerDefinition definition, CancellationToken cancel = default) =>
        Send<TriggerRecord>(Call.Put(Trigger(definition.Name), Call.Json(definition)), cancel);

    /// <summary>Deletes a trigger.</summary>
    public Task DeleteTrigger(string name, CancellationToken cancel = default) => Do(Call.Delete(Trigger(name)), cancel);

    /// <summary>Pauses a trigger, or lets it go on: what happened meanwhile is past to it.</summary>
    public Task<TriggerRecord> PauseTrigger(string name, bool paused, CancellationToken cancel = default) =>
        Send<TriggerRecord>(Call.Post($"{Trigger(name)}/{(paused ? "pause" : "resume")}"), cancel);

    /// <summary>What a trigger would do about past events.</summary>
    /// <param name="definition">Null: the stored one.</param>
    public Task<TriggerTrial> TestTrigger(string name, TriggerDefinition? definition = null, CancellationToken cancel = default) =>
        Send<TriggerTrial>(
            Call.Post($"{Trigger(name)}/test", definition is null ? null : Call.Json(definition)) with { IsRepeatable = true }, cancel);

    /// <summary>Acts on an event again.</summary>
    /// <param name="firing">Its id; null: see <paramref name="stopped"/>.</param>
    /// <param name="stopped">All that were stopped by the limit of their hour.</param>
    public Task<Replayed> ReplayTrigger(string name, string? firing, bool stopped, CancellationToken cancel = default) =>
        Send<Replayed>(Call.Post($"{Trigger(name)}/replay" + Query(("event", firing), ("stopped", stopped ? "true" : null))), cancel);

    /// <summary>What a trigger did, newest first.</summary>
    public Task<FiringList> GetFirings(string name, int limit, CancellationToken cancel = default) =>
        Get<FiringList>($"{Trigger(name)}/firings" + Query(("limit", Text(limit))), cancel);

    /// <summary>Everything about one of them.</summary>
    public Task<Firing> GetFiring(string name, string id, CancellationToken cancel = default) =>
        Get<Firing>($"{Trigger(name)}/firings/{Escaped(id)}", cancel);

    private static string Trigger(string name) => $"api/triggers/{Escaped(name)}";
}
