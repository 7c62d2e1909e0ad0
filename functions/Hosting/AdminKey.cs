using System.Text;
using Serverless.Core.Access;
using Serverless.Core.Storage.Folder;
using Serverless.Core.Storage.Plain;
using Serverless.Core.Workspaces;

namespace Serverless.Functions.Hosting;

/// <summary>The key of whoever owns the data folder: a file that only they can read.</summary>
static class AdminKey
{
    public const string FileName = "admin.key";
    private const int MaxBytes = 4096;
    private const string Remedy = "put the key back, or remove the file: a new key is made then";

    /// <summary>
    /// Makes the key at first start, and sees to it that the key in the file is known: with the
    /// folder's owner, not with the file, lies the right to come in.
    /// </summary>
    public static async Task Ensure(string file, ApiKeys keys, CancellationToken cancel)
    {
        var secret = Read(file);
        if (secret is null)
        {
            secret = ApiKeys.NewSecret();
            await Write(file, secret, cancel);
        }

        if (await keys.Find(secret, cancel) is null) await keys.Register(secret, "admin", Role.Admin, LocalWorkspaces.Default, cancel);
    }

    /// <summary>Null: there is none yet, or what made it died before it wrote.</summary>
    /// <exception cref="StartException">It holds something else than a key. Whoever could guess that would come in, and a new key in its place would
    /// lock out who has the old one.</exception>
    private static string? Read(string file)
    {
        try
        {
            using var opened = PlainFile.Open(file);
            PrivateFolder.EnsureFile(file);
            var text = Encoding.Latin1.GetString(opened.ReadAll(MaxBytes)).Trim();
            if (text.Length == 0) return null;
            return ApiKeys.IsSecret(text) ? text : throw new StartException($"{file} holds no key of this platform; {Remedy}");
        }
        catch (FileNotFoundException)
        {
            // Its disk may be away: a new key in its place would lock out who has the old one.
            return FileCalls.LookAt(file).Kind == FileKind.Missing
                ? null
                : throw new StartException($"{file} is a link that leads nowhere; {Remedy}");
        }
        catch (NotPlainException problem)
        {
            throw new StartException($"{file} cannot be read: {problem.Message}; {Remedy}");
        }
    }

    /// <summary>Under its name the file is whole and private, whenever it is looked at.</summary>
    private static async Task Write(string file, string secret, CancellationToken cancel)
    {
        var temporary = file + ".tmp";
        OwnFile.Remove(temporary);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using (var stream = new FileStream(temporary, options))
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(secret + "\n"), cancel);
            stream.Flush(flushToDisk: true);
        }

        File.Move(temporary, file, overwrite: true);
    }
}
