using Serverless.Core.Access;
using Serverless.Core.Logs;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Triggers;
using Serverless.Core.Workspaces;

namespace Serverless.Functions.Hosting;

/// <summary>The key of whoever owns the data folder: a file that only they can read.</summary>
static class AdminKey
{
    public const string FileName = "admin.key";

    /// <summary>Makes the key at first start, and sees to it that the key in the file is known: with the folder's owner, not with the file, lies the right to come in.</summary>
    public static async Task Ensure(string file, ApiKeys keys, CancellationToken cancel)
    {
        if (File.Exists(file)) PrivateFolder.EnsureFile(file);
        var secret = File.Exists(file) ? (await File.ReadAllTextAsync(file, cancel)).Trim() : null;
        if (secret is not { Length: > 0 })
        {
            secret = ApiKeys.NewSecret();
            await Write(file, secret, cancel);
        }

        if (await keys.Find(secret, cancel) is null) await keys.Register(secret, "admin", Role.Admin, LocalWorkspaces.Default, cancel);
    }

    /// <summary>Under its name the file is whole and private, whenever it is looked at.</summary>
    private static async Task Write(string file, string secret, CancellationToken cancel)
    {
        var temporary = file + ".tmp";
        File.Delete(temporary);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using (var stream = new FileStream(temporary, options))
        {
            await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(secret + "\n"), cancel);
            stream.Flush(flushToDisk: true);
        }

        File.Move(temporary, file, overwrite: true);
    }
}
