using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Serverless.Core;
using Serverless.Core.Access;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Access;

public sealed class ApiKeysTests
{
    private readonly MemoryObjectStore platform = new(TimeProvider.System);
    private readonly FakeTimeProvider time = new();
    private readonly ApiKeys keys;

    public ApiKeysTests() => keys = Another();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Secret_OpensWhatItWasMadeFor_AndIsStoredNowhere()
    {
        var made = await keys.Create("ada", Role.Writer, "team", Cancel);
        var found = await keys.Find(made.Key!, Cancel);
        Assert.Equal(("ada", Role.Writer, "team"), (found!.Name, found.Role, found.Workspace));
        Assert.All(platform.PeekAll(""),
            entry => Assert.DoesNotContain(made.Key!, entry.Object.Key + System.Text.Encoding.UTF8.GetString(entry.Body), StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("exp_0000")]
    [InlineData("../keys")]
    public async Task UnknownSecret_OpensNothing(string secret) => Assert.Null(await keys.Find(secret, Cancel));

    [Fact]
    public async Task StoredHash_DoesNotOpen()
    {
        await keys.Create("ada", Role.Writer, "team", Cancel);
        var hash = Path.GetFileNameWithoutExtension(platform.PeekAll(PlatformPaths.Keys).Single().Object.Key);
        Assert.Null(await keys.Find(hash, Cancel));
    }

    [Fact]
    public async Task RevokedKey_StopsHereAtOnce_AndElsewhereSoon()
    {
        var elsewhere = Another();
        await keys.Create("admin", Role.Admin, "team", Cancel);
        var made = await keys.Create("ada", Role.Writer, "team", Cancel);
        Assert.NotNull(await elsewhere.Find(made.Key!, Cancel));
        Assert.Equal(RevokeOutcome.Revoked, await keys.Revoke("team", made.Id, Cancel));
        Assert.Null(await keys.Find(made.Key!, Cancel));
        time.Advance(ApiKeys.Remembered);
        Assert.Null(await elsewhere.Find(made.Key!, Cancel));
    }

    [Fact]
    public async Task LastAdminKey_CannotBeRevoked()
    {
        var first = await keys.Create("one", Role.Admin, "team", Cancel);
        await keys.Create("elsewhere", Role.Admin, "other", Cancel);
        Assert.Equal(RevokeOutcome.LastAdmin, await keys.Revoke("team", first.Id, Cancel));
        await keys.Create("two", Role.Admin, "team", Cancel);
        Assert.Equal(RevokeOutcome.Revoked, await keys.Revoke("team", first.Id, Cancel));
    }

    [Fact]
    public async Task TwoAdminsWhoRevokeEachOtherAtOnce_LeaveOne()
    {
        var (one, two) = (await keys.Create("one", Role.Admin, "team", Cancel), await keys.Create("two", Role.Admin, "team", Cancel));

        // At every step of the one revocation the other is tried as a whole.
        for (var step = 0; step < 12; step++)
        {
            var interrupted = new Interrupted(platform, step, async () => await Another().Revoke("team", one.Id, Cancel));
            await new ApiKeys(interrupted, time, new SystemIds(time)).Revoke("team", two.Id, Cancel);
            var left = (await keys.List("team", Cancel)).Found;
            Assert.Contains(left, key => key.Role == Role.Admin);
            if (left.All(key => key.Id != one.Id)) one = await keys.Create("one", Role.Admin, "team", Cancel);
            if (left.All(key => key.Id != two.Id)) two = await keys.Create("two", Role.Admin, "team", Cancel);
        }
    }

    [Fact]
    public async Task Revocation_ThatDiedBeforeTheKeyWent_IsFinishedByTheNext()
    {
        await keys.Create("one", Role.Admin, "team", Cancel);
        var two = await keys.Create("two", Role.Admin, "team", Cancel);
        await platform.PutJson(PlatformPaths.RevokedAdmins("team"), new[] { two.Id }, cancel: Cancel);
        Assert.Equal(RevokeOutcome.Revoked, await keys.Revoke("team", two.Id, Cancel));
        Assert.Null(await keys.Find(two.Key!, Cancel));
    }

    [Fact]
    public async Task KeysOfAnotherWorkspace_AreNeitherSeenNorRevoked()
    {
        var made = await keys.Create("ada", Role.Reader, "team", Cancel);
        Assert.Empty((await keys.List("other", Cancel)).Found);
        Assert.Equal(RevokeOutcome.Missing, await keys.Revoke("other", made.Id, Cancel));
        Assert.Equal(["team"], await keys.Workspaces(Cancel));
        Assert.Null(Assert.Single((await keys.List("team", Cancel)).Found).Key);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("not json")]
    [InlineData("null")]
    [InlineData("""{"id":"1","name":"ada","role":"admin","workspace":"../platform","created":"2030-01-01T00:00:00Z"}""")]
    public async Task DamagedRecord_OpensNothing_StandsInNobodysWay_AndIsToldOnce(string record)
    {
        await keys.Create("ada", Role.Admin, "team", Cancel);
        var broken = await keys.Create("eve", Role.Admin, "team", Cancel);
        var file = platform.PeekAll(PlatformPaths.Keys).Single(
            entry => System.Text.Encoding.UTF8.GetString(entry.Body).Contains("eve", StringComparison.Ordinal)).Object.Key;
        await platform.Put(file, System.Text.Encoding.UTF8.GetBytes(record), cancel: Cancel);
        var told = new LogLines();
        using var logs = new LoggerFactory([told]);
        var reader = new ApiKeys(platform, time, new SystemIds(time), new(logs.CreateLogger<DamageNotices>()));

        Assert.Null(await reader.Find(broken.Key!, Cancel));
        Assert.Equal(["team"], await reader.Workspaces(Cancel));
        Assert.Equal("ada", Assert.Single((await reader.List("team", Cancel)).Found).Name);
        Assert.Equal(RevokeOutcome.Missing, await reader.Revoke("team", broken.Id, Cancel));
        Assert.Contains(file, Assert.Single(told.All), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"id\":\"half")]
    public async Task RegisteringAKeyWhoseRecordIsDamaged_LetsItsHolderInAgain(string record)
    {
        var secret = ApiKeys.NewSecret();
        await keys.Register(secret, "admin", Role.Admin, "team", Cancel);
        var file = Assert.Single(platform.PeekAll(PlatformPaths.Keys)).Object.Key;
        await platform.Put(file, System.Text.Encoding.UTF8.GetBytes(record), cancel: Cancel);
        var started = new ApiKeys(platform, time, new SystemIds(time));
        Assert.Null(await started.Find(secret, Cancel));

        await started.Register(secret, "admin", Role.Admin, "team", Cancel);
        Assert.Equal(Role.Admin, (await started.Find(secret, Cancel))?.Role);
    }

    [Fact]
    public async Task RegisteringAKeyOfANewerFormat_LeavesItAlone()
    {
        var secret = ApiKeys.NewSecret();
        await keys.Register(secret, "admin", Role.Admin, "team", Cancel);
        var file = Assert.Single(platform.PeekAll(PlatformPaths.Keys)).Object.Key;
        await platform.Put(file, "{\"formatVersion\":7}"u8, cancel: Cancel);

        await Assert.ThrowsAsync<DamagedRecordException>(
            () => new ApiKeys(platform, time, new SystemIds(time)).Register(secret, "admin", Role.Admin, "team", Cancel));
        Assert.Equal("{\"formatVersion\":7}"u8, Assert.Single(platform.PeekAll(PlatformPaths.Keys)).Body);
    }

    /// <summary>Before one of its calls, counted from 0, something else happens.</summary>
    private sealed class Interrupted(IObjectStore inner, int at, Func<Task> interrupt) : IObjectStore
    {
        private int calls;

        public Task<StoreAnswer<StoredObject?>> Head(string key, CancellationToken cancel) => After(() => inner.Head(key, cancel));

        public Task<ObjectReading?> Open(string key, ByteRange? range, CancellationToken cancel) => After(() => inner.Open(key, range, cancel));

        public Task<PutResult> Put(
            string key, Stream body, PutCondition condition, IReadOnlyDictionary<string, string>? metadata, CancellationToken cancel) =>
            After(() => inner.Put(key, body, condition, metadata, cancel));

        public Task<AppendResult> Append(string key, long expectedOffset, ReadOnlyMemory<byte> bytes, CancellationToken cancel) =>
            After(() => inner.Append(key, expectedOffset, bytes, cancel));

        public IAsyncEnumerable<StoredObject> List(string prefix, string? after, CancellationToken cancel) => inner.List(prefix, after, cancel);

        public Task<DeleteOutcome> Delete(string key, string? ifMatch, CancellationToken cancel) => After(() => inner.Delete(key, ifMatch, cancel));

        public Task<PutResult> Copy(string from, string to, PutCondition condition, CancellationToken cancel) =>
            After(() => inner.Copy(from, to, condition, cancel));

        private async Task<T> After<T>(Func<Task<T>> call)
        {
            if (calls++ == at) await interrupt();
            return await call();
        }
    }

    private ApiKeys Another() => new(platform, time, new SystemIds(time));
}
