using System.IO.Compression;
using System.Text;
using Serverless.Core.Code;
using Serverless.Core.Storage;

namespace Serverless.Tests.Support;

internal static class Snapshots
{
    /// <summary>Puts a snapshot of these files; returns its hash.</summary>
    public static async Task<string> Put(IObjectStore store, params (string Path, string Text)[] files)
    {
        var zip = new MemoryStream();
        using (var archive = new ZipArchive(zip, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (path, text) in files)
            {
                var entry = archive.CreateEntry(path);
                entry.LastWriteTime = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
                using var to = entry.Open();
                to.Write(Encoding.UTF8.GetBytes(text));
            }
        }

        var sha256 = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(zip.ToArray()));
        Assert.IsType<CodePut.Stored>(await new CodeStore(store).Put(sha256, zip, TestContext.Current.CancellationToken));
        return sha256;
    }
}
