using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;

namespace Serverless.Core.Access;

/// <summary>
/// Who may come in. Keys lie in the platform container under the SHA-256 of their secret, which is 256 random bits: finding one is one read of one
/// name, whatever was sent, and nothing that is stored opens anything. People of a directory lie
/// beside them, under names that no hash has. Answers are remembered for
/// <see cref="Remembered"/>; a key revoked elsewhere works at most that long. A damaged record opens nothing and keeps nobody from anything.
/// </summary>
public sealed class ApiKeys(IObjectStore platform, TimeProvider time, IIds ids, DamageNotices? damaged = null, ILogger<ApiKeys>? log = null)
{
    public const string Prefix = "exp_";
    private const int SecretBytes = 32;
    public static readonly TimeSpan Remembered = TimeSpan.FromSeconds(10);

    /// <summary>Unknown keys are remembered too; a flood of them must not fill the memory.</summary>
    private const int MaxRemembered = 10_000;

    private readonly ConcurrentDictionary<string, (ApiKeyInfo? Key, long Until)> remembered = new(StringComparer.Ordinal);

    public static string NewSecret() => Prefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(SecretBytes));

    /// <summary>Whether <see cref="NewSecret"/> could have made it: what is shorter could be guessed.</summary>
    public static bool IsSecret(string text) =>
        text.Length == Prefix.Length + (2 * SecretBytes) && text.StartsWith(Prefix, StringComparison.Ordinal)
            && text[Prefix.Length..].All(char.IsAsciiHexDigitLower);

    /// <summary>The key that a secret belongs to, or null.</summary>
    public ValueTask<ApiKeyInfo?> Find(string secret, CancellationToken cancel = default) => Known(Hash(secret), cancel);

    /// <summary>What a person of a directory, whose identity was proved already, may do; null: nothing.</summary>
    public ValueTask<ApiKeyInfo?> Find(EntraPrincipal person, CancellationToken cancel = default) => Known(person.ToString(), cancel);

    /// <summary>Lets a person of a directory in. Null: they are in already, here or in another workspace; nothing changed.</summary>
    public async Task<ApiKeyInfo?> Add(EntraPrincipal person, string name, Role role, string workspace, CancellationToken cancel = default)
    {
        var key = new ApiKeyInfo(ids.Nonce(), name, role, workspace, time.GetUtcNow());
        return (await Place(person.ToString(), key, cancel)).IsNew ? key : null;
    }

    /// <returns>The key with its secret, which nothing can show again.</returns>
    public async Task<ApiKeyInfo> Create(string name, Role role, string workspace, CancellationToken cancel = default)
    {
        var secret = NewSecret();
        return await Register(secret, name, role, workspace, cancel) with { Key = secret };
    }

    /// <summary>Makes sure that a secret made elsewhere is known; what is known of it stays as it is.</summary>
    public Task<ApiKeyInfo> Register(string secret, string name, Role role, string workspace, CancellationToken cancel = default) =>
        RegisterHash(Hash(secret), name, role, workspace, cancel);

    /// <summary>
    /// The same for a secret that stays with whoever made it: of it, this platform only ever sees the SHA-256, in lower-case hexadecimal.
    /// </summary>
    public async Task<ApiKeyInfo> RegisterHash(string hash, string name, Role role, string workspace, CancellationToken cancel = default) =>
        (await Place(hash, new(ids.Nonce(), name, role, workspace, time.GetUtcNow()), cancel)).Key;

    /// <summary>The workspace's keys, oldest first, without secrets; and all that cannot be read, whose workspace nobody knows.</summary>
    public async Task<RecordList<ApiKeyInfo>> List(string workspace, CancellationToken cancel = default)
    {
        var all = await All(cancel);
        return new([.. all.Found.Select(key => key.Record).Where(key => key.Workspace == workspace).OrderBy(key => key.Created)], all.Damaged);
    }

    /// <summary>
    /// Which admins are revoked is decided in one record of the workspace, by a conditional write before any key goes: of two admins who revoke each
    /// other at once, the second decides again with the first's decision known, and one of them stays.
    /// </summary>
    public async Task<RevokeOutcome> Revoke(string workspace, string id, CancellationToken cancel = default)
    {
        while (true)
        {
            var (decided, etag) = await RevokedAdmins(workspace, cancel);
            var keys = (await All(cancel)).Found.Where(stored => stored.Record.Workspace == workspace).ToList();
            if (keys.Find(stored => stored.Record.Id == id) is not { Record: var wanted, Object.Key: var key }) return RevokeOutcome.Missing;
            if (wanted.Role == Role.Admin && !decided.Contains(id))
            {
                if (keys.All(stored => stored.Record.Role != Role.Admin || stored.Record.Id == id || decided.Contains(stored.Record.Id)))
                {
                    return RevokeOutcome.LastAdmin;
                }

                // Those whose keys have gone need not be remembered.
                var put = await platform.PutJson(
                    PlatformPaths.RevokedAdmins(workspace), decided.Where(known => keys.Exists(stored => stored.Record.Id == known)).Append(id),
                    etag is null ? PutCondition.IfAbsent : PutCondition.IfMatch(etag), cancel: cancel);
                if (!put.Stored) continue;
            }

            await platform.Delete(key, cancel: cancel);
            remembered.Clear();
            log?.Revoked(id, workspace);
            return RevokeOutcome.Revoked;
        }
    }

    /// <summary>The workspaces that somebody has a key for: all that there are.</summary>
    public async Task<IReadOnlyCollection<string>> Workspaces(CancellationToken cancel = default)
    {
        return new SortedSet<string>((await All(cancel)).Found.Select(key => key.Record.Workspace), StringComparer.Ordinal);
    }

    private async Task<(IReadOnlyCollection<string> Ids, string? ETag)> RevokedAdmins(string workspace, CancellationToken cancel)
    {
        if (await platform.Get(PlatformPaths.RevokedAdmins(workspace), cancel: cancel) is not { } stored) return ([], null);
        try
        {
            return (stored.Json<string[]>(), stored.Object.ETag);
        }
        catch (DamagedRecordException)
        {
            // A damaged record keeps nobody from anything; it is written anew.
            return ([], stored.Object.ETag);
        }
    }

    private async Task<RecordList<StoredRecord<ApiKeyInfo>>> All(CancellationToken cancel)
    {
        var all = await platform.Records<ApiKeyInfo>(PlatformPaths.Keys, WorkspacePaths.IsRecord, cancel).Collect();
        foreach (var damage in all.Damaged) damaged?.Tell(damage);
        return all;
    }

    /// <summary>
    /// Puts a key where there is none, or in the place of a damaged one, which opens nothing and would lock its holder out for good.
    /// </summary>
    /// <returns>What is there now.</returns>
    /// <exception cref="DamagedRecordException">One of a newer format is.</exception>
    private async Task<(ApiKeyInfo Key, bool IsNew)> Place(string name, ApiKeyInfo key, CancellationToken cancel)
    {
        var (at, condition) = (PlatformPaths.Key(name), PutCondition.IfAbsent);
        while (!(await platform.PutJson(at, key, condition, cancel: cancel)).Stored)
        {
            var there = await platform.Read<ApiKeyInfo>(at, cancel);
            if (there.Found is { Record: var known }) return (known, IsNew: false);
            if (there.Damage is { IsNewer: true } newer) throw new DamagedRecordException(newer);
            condition = there.Damage is not null && (await platform.Head(at, cancel)).Value is { ETag: var etag }
                ? PutCondition.IfMatch(etag)
                : PutCondition.IfAbsent;
        }

        remembered.TryRemove(name, out _);
        log?.Made(key.Id, key.Name, key.Workspace, EnumNames.Of(key.Role));
        return (key, IsNew: true);
    }

    private async ValueTask<ApiKeyInfo?> Known(string name, CancellationToken cancel)
    {
        var now = time.GetTimestamp();
        if (remembered.TryGetValue(name, out var known) && now < known.Until) return known.Key;
        var found = await Read(PlatformPaths.Key(name), cancel);
        Remember(name, found, now);
        return found;
    }

    private async Task<ApiKeyInfo?> Read(string key, CancellationToken cancel)
    {
        var read = await platform.Read<ApiKeyInfo>(key, cancel);
        if (read.Damage is { } damage) damaged?.Tell(damage);
        return read.Found?.Record;
    }

    private void Remember(string hash, ApiKeyInfo? key, long now)
    {
        if (remembered.Count >= MaxRemembered) remembered.Clear();
        remembered[hash] = (key, now + (long)(Remembered.TotalSeconds * time.TimestampFrequency));
    }

    private static string Hash(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));
}

public enum RevokeOutcome
{
    Revoked,
    Missing,

    /// <summary>Without it nobody could make or revoke keys any more.</summary>
    LastAdmin,
}
