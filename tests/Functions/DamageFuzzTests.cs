using System.Diagnostics;
using System.Globalization;
using Serverless.Core.Storage;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Functions;

/// <summary>
/// Damages one object after another, as editors, disks and copies do, and asks for everything each time. Short here; for as long as FUZZ_SECONDS says
/// otherwise, from the seed that FUZZ_SEED says.
/// </summary>
public sealed class DamageFuzzTests(PlatformFixture platform) : IClassFixture<PlatformFixture>, IDisposable
{
    private readonly DamagedWorkspace workspace = new(platform);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => workspace.Dispose();

    private enum Damage
    {
        Truncated,
        Emptied,
        Zeroed,
        Flipped,
        Deleted,
        OtherJson,
        OtherRecord,
        Newer,
        Folder,
    }

    [Fact]
    public async Task AnyObject_DamagedInAnyWay_KeepsNobodyFromTheRest_AndIsNamed()
    {
        await workspace.Fill();
        var seed = Setting("FUZZ_SEED") ?? 1;
        var time = Stopwatch.StartNew();
        var tried = 0;
        for (; tried < 8 || time.Elapsed.TotalSeconds < Setting("FUZZ_SECONDS"); tried++, seed++)
        {
            var random = new Random(seed);
            var (store, root) = random.Next(5) == 0 ? (workspace.Platform, "platform") : (workspace.Store, LocalWorkspaces.Default);
            var objects = await Objects(store);
            var (key, damage) = (objects[random.Next(objects.Count)], (Damage)random.Next(Enum.GetValues<Damage>().Length));
            var file = Path.Combine(platform.Folder, root, key);
            var (served, before) = (await workspace.Served(), await File.ReadAllBytesAsync(file, Cancel));
            Do(damage, file, before, random, Path.Combine(platform.Folder, root, objects[random.Next(objects.Count)]));
            try
            {
                await Check($"seed {seed}: {key} {damage}", key, damage, served);
            }
            finally
            {
                if (Directory.Exists(file)) TemporaryFolder.Delete(file);
                Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                await File.WriteAllBytesAsync(file, before, CancellationToken.None);
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{tried} objects damaged in {time.Elapsed.TotalSeconds:0} s");
    }

    private async Task Check(string what, string key, Damage damage, HashSet<string> served)
    {
        var failures = await workspace.Failures();
        Assert.True(failures.Count == 0, $"{what}: {string.Join("; ", failures)}\n{Log()}");
        var wrong = await workspace.WronglyHanded();
        Assert.True(wrong.Count == 0, $"{what}: handed out though it is damaged: {string.Join(", ", wrong)}");
        served.ExceptWith(await workspace.Served());
        served.Remove(key);
        Assert.True(served.Count == 0, $"{what}: also not served: {string.Join(", ", served)}");
        var found = await workspace.Doctor();
        var isPlain = damage is Damage.Truncated or Damage.Emptied or Damage.Zeroed or Damage.OtherJson or Damage.Newer;
        var isContent = WorkspacePaths.ContentOf(key) is not null;
        var isTold = isPlain ? IsRecord(key) || isContent || WorkspacePaths.CodeOf(key) is not null
            : damage == Damage.Deleted && (isContent || WorkspacePaths.DatasetVersionOf(key) is not null || HasAttempts(key));
        Assert.True(!isTold || found.Any(finding => finding.Object == key), $"{what}: the doctor does not name it");

        try
        {
            await workspace.Works();
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{what}: {e.Message}", e);
        }
    }

    private string Log()
    {
        return string.Join('\n', platform.Log.TakeLast(20));
    }

    private static void Do(Damage damage, string file, byte[] before, Random random, string other)
    {
        switch (damage)
        {
            case Damage.Truncated:
                File.WriteAllBytes(file, before[..random.Next(Math.Max(1, before.Length - 1))]);
                break;
            case Damage.Emptied:
                File.WriteAllBytes(file, []);
                break;
            case Damage.Zeroed:
                File.WriteAllBytes(file, new byte[before.Length]);
                break;
            case Damage.Flipped:
                var flipped = before.ToArray();
                for (var i = 0; i < 3 && flipped.Length > 0; i++) flipped[random.Next(flipped.Length)] ^= (byte)(1 << random.Next(8));
                File.WriteAllBytes(file, flipped);
                break;
            case Damage.Deleted:
                File.Delete(file);
                break;
            case Damage.OtherJson:
                string[] texts = ["null", "[]", "{}", "\"text\"", "17", "{\"id\":null,\"name\":{}}"];
                File.WriteAllText(file, texts[random.Next(texts.Length)]);
                break;
            case Damage.OtherRecord:
                if (File.Exists(other)) File.WriteAllBytes(file, File.ReadAllBytes(other));
                break;
            case Damage.Newer:
                File.WriteAllText(file, "{\"formatVersion\":7}");
                break;
            case Damage.Folder:
                File.Delete(file);
                Directory.CreateDirectory(file);
                File.WriteAllText(Path.Combine(file, "inside"), "x");
                break;
        }
    }

    /// <summary>Of what the platform keeps; the key that the test comes in with, and what people keep, are left alone.</summary>
    private async Task<List<string>> Objects(IObjectStore store)
    {
        var all = new List<string>();
        await foreach (var stored in store.List("", cancel: Cancel))
        {
            if (stored.Key.StartsWith(WorkspacePaths.Data, StringComparison.Ordinal) || stored.Key.StartsWith("damaged/", StringComparison.Ordinal))
            {
                continue;
            }

            if (store == workspace.Platform && stored.Key.StartsWith(PlatformPaths.Keys, StringComparison.Ordinal)) continue;
            all.Add(stored.Key);
        }

        return all;
    }

    private static bool IsRecord(string key) =>
        key.EndsWith(".json", StringComparison.Ordinal) && !key.StartsWith("attempts/", StringComparison.Ordinal)
            && key != PlatformPaths.FilesAnnouncedSince;

    private bool HasAttempts(string key) => WorkspacePaths.RunIdOf(key) is { } run && workspace.Runs.IndexOf(run) is 0 or 1;

    private static int? Setting(string name) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
}
