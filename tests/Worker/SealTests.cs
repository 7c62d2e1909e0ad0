using Serverless.GpuWorker.Prepare;
using Serverless.Tests.Support;

namespace Serverless.Tests.Worker;

/// <summary>A seal tells whether a folder is as it was, and what is not.</summary>
public sealed class SealTests : IDisposable
{
    private readonly TemporaryFolder root = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Sealed => root["tree"];

    public void Dispose() => root.Dispose();

    [Theory]
    [InlineData("echo more >> lib/a.py", "lib/a.py: it has 9 bytes instead of 4")]
    [InlineData("touch -r lib/a.py ../time; printf 9999 > lib/a.py; touch -r ../time lib/a.py", "lib/a.py: its content or its rights were changed")]
    [InlineData("printf 9999 > lib/a.py", "lib/a.py: it was written to")]
    [InlineData("chmod 777 lib/a.py", "lib/a.py: its content or its rights were changed")]
    [InlineData("cp -p lib/a.py b; mv b lib/a.py", "lib/a.py: its content or its rights were changed")]
    [InlineData("rm lib/a.py", "lib/a.py: it is gone")]
    [InlineData("rm -r lib", "lib: it is gone")]
    [InlineData("rm link", "link: it is gone")]
    [InlineData("rm lib/a.py; mkfifo lib/a.py", "lib/a.py: it is a named pipe")]
    [InlineData("ln -sf /dev/zero lib/a.py", "lib/a.py: it is a link; copy what it points to")]
    [InlineData("mv lib lib2; ln -s lib2 lib", "lib: it is a link; copy what it points to")]
    [InlineData("ln -sfn nowhere link", "link: it has 7 bytes instead of 8")]
    [InlineData("rm -r lib; echo > lib", "lib: it is a file")]
    [InlineData("mkdir lib/__pycache__; echo > lib/__pycache__/a.pyc", "lib/__pycache__: it was added")]
    [InlineData("echo > 0", "0: it was added")]
    [InlineData("echo > zzz", "zzz: it was added")]
    [InlineData("echo > lib-", "lib-: it was added")]
    [InlineData("echo > x; rm x", "what is in it, or its rights, were changed")]
    [InlineData("chmod 000 lib", "lib: what is in it, or its rights, were changed")]
    [InlineData("cd ..; mv tree gone; ln -s gone tree", "it is a link; copy what it points to")]
    [InlineData("cd ..; rm -r tree", "it is gone")]
    [InlineData("cd ..; rm -r tree; mkfifo tree", "it is a named pipe")]
    public async Task WhateverIsDone_IsNamed(string command, string difference)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere the time of the last change is not told");
        await Make();

        await Unix.Do("sh", "-c", $"cd {Sealed}; {command}");

        Assert.Equal(difference, Seal.Difference(Sealed, root["seal"], contents: false));
    }

    [Fact]
    public async Task ReadingAndLeading_ChangesNothing()
    {
        await Make();
        await Unix.Do("sh", "-c", $"cd {Sealed}; cat lib/a.py; ls -lR; cp -r . ../copy; ln -s {Sealed} ../other");
        Assert.Null(Seal.Difference(Sealed, root["seal"], contents: true));
        Assert.Equal(new SealSummary(8, 8), Seal.Read(root["seal"]));
    }

    /// <summary>A disk changes bytes and nothing else: the seal here has the hashes of before, and all else of after.</summary>
    [Fact]
    public async Task BytesThatChangeWithoutATrace_ShowByTheirHash()
    {
        await Make();
        await File.WriteAllTextAsync(Path.Combine(Sealed, "lib/a.py"), "9999", Token);
        var before = await File.ReadAllBytesAsync(root["seal"], Token);
        Seal.Write(Sealed, root["seal"]);
        var after = await File.ReadAllBytesAsync(root["seal"], Token);
        var (was, now) = (System.Security.Cryptography.SHA256.HashData("1234"u8), System.Security.Cryptography.SHA256.HashData("9999"u8));
        Assert.True(before.AsSpan().IndexOf(was) > 0);
        was.CopyTo(after.AsSpan(after.AsSpan().IndexOf(now)));
        await File.WriteAllBytesAsync(root["seal"], after, Token);

        Assert.Null(Seal.Difference(Sealed, root["seal"], contents: false));
        Assert.Equal("lib/a.py: its content is damaged: it has another hash", Seal.Difference(Sealed, root["seal"], contents: true));
    }

    /// <summary>Its own bytes may be damaged as well.</summary>
    [Fact]
    public async Task ASealThatIsDamaged_VouchesForNothing()
    {
        await Make();
        var whole = await File.ReadAllBytesAsync(root["seal"], Token);
        for (var length = 0; length < whole.Length; length++)
        {
            await File.WriteAllBytesAsync(root["seal"], whole[..length], Token);
            Assert.NotNull(Seal.Difference(Sealed, root["seal"], contents: true));
        }

        // But for the sum of lengths, which is only counted.
        foreach (var at in Enumerable.Range(0, whole.Length).Where(at => at is < 4 or >= 12))
        {
            var flipped = whole.ToArray();
            flipped[at] ^= 0x10;
            await File.WriteAllBytesAsync(root["seal"], flipped, Token);
            Assert.True(Seal.Difference(Sealed, root["seal"], contents: true) is not null, $"byte {at} of {whole.Length}");
        }
    }

    [Fact]
    public async Task FoldersWithoutAnEnd_AreNotSealed()
    {
        await Make();
        var deep = Path.Combine([Sealed, .. Enumerable.Repeat("d", 300)]);
        await Unix.Do("mkdir", "-p", deep);
        Assert.Throws<InvalidDataException>(() => Seal.Write(Sealed, root["seal"]));
    }

    private async Task Make()
    {
        const string Fill = "printf 1234 > lib/a.py; printf 12 > lib/sub/b; printf 12 > c; ln -s lib/a.py link";
        await Unix.Do("sh", "-c", $"mkdir -p {Sealed}/lib/sub {Sealed}/empty; cd {Sealed}; {Fill}");
        Seal.Write(Sealed, root["seal"]);
        Assert.Null(Seal.Difference(Sealed, root["seal"], contents: true));
    }
}
