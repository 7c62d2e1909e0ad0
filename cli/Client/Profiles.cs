using System.Text.Json;
using System.Text.Json.Serialization;
using Serverless.Core.Storage.Folder;

namespace Serverless.Cli.Client;

/// <summary>A platform elsewhere and what opens it.</summary>
/// <param name="Key">Null: tokens of <paramref name="Entra"/>'s directory are taken instead.</param>
/// <param name="Token">The last one, as long as it is good; asking for one takes a second.</param>
sealed record Profile(Uri Url, string? Key = null, EntraProfile? Entra = null, SavedToken? Token = null);

sealed record EntraProfile(Guid Tenant, Guid ClientId);

sealed record SavedToken(string Value, DateTimeOffset Expires);

/// <summary>What <c>exp login</c> remembers, in a file of the user's that nobody else can read.</summary>
sealed class Profiles
{
    private const UnixFileMode OwnersFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string file;
    private ProfileFile content;

    private Profiles(string file, ProfileFile content) => (this.file, this.content) = (file, content);

    public string? Current => content.Current;

    public IReadOnlyDictionary<string, Profile> All => content.Profiles;

    public static string File => Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData, Environment.SpecialFolderOption.DoNotVerify) is { Length: > 0 } folder
            ? folder
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config"),
        "exp",
        "profiles.json");

    public static Profiles Load()
    {
        try
        {
            if (System.IO.File.Exists(File)) PrivateFolder.EnsureFile(File);
            return JsonSerializer.Deserialize(System.IO.File.ReadAllBytes(File), ProfilesJson.Default.ProfileFile) is { Profiles: { } profiles } read
                && profiles.Values.All(profile => profile?.Url is { IsAbsoluteUri: true })
                ? new(File, read)
                : throw new JsonException("it is no list of profiles, each with the address of a platform");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return new(File, new(null, []));
        }
        catch (Exception e) when (e is JsonException or UnauthorizedAccessException or NotPrivateException)
        {
            throw ExpException.Usage($"{File} cannot be read: {e.Message}; mend it, or delete it and log in again");
        }
    }

    public Profile Named(string name) => content.Profiles.TryGetValue(name, out var profile)
        ? profile
        : throw ExpException.NotFound(content.Profiles.Count == 0
            ? $"there is no profile '{name}'; make one with: exp login --profile {name} --url URL"
            : $"there is no profile '{name}'; known: {string.Join(", ", content.Profiles.Keys)}");

    /// <summary>Saves it, and makes it the current one.</summary>
    public void Set(string name, Profile profile, bool current = true)
    {
        var all = new SortedDictionary<string, Profile>(content.Profiles, StringComparer.Ordinal) { [name] = profile };
        Save(new(current ? name : content.Current, all));
    }

    public void Use(string? name)
    {
        if (name is not null) Named(name);
        Save(content with { Current = name });
    }

    public void Remove(string name)
    {
        Named(name);
        var all = new SortedDictionary<string, Profile>(content.Profiles, StringComparer.Ordinal);
        all.Remove(name);
        Save(new(content.Current == name ? null : content.Current, all));
    }

    // Written beside and renamed: whoever reads meanwhile sees all of the old or all of the new, and it is the owner's from its first byte.
    private void Save(ProfileFile changed)
    {
        var folder = Path.GetDirectoryName(file)!;
        PrivateFolder.Ensure(folder);
        var beside = $"{file}.{Environment.ProcessId}.new";
        System.IO.File.Delete(beside);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = OwnersFile;
        using (var stream = new FileStream(beside, options)) JsonSerializer.Serialize(stream, changed, ProfilesJson.Default.ProfileFile);
        System.IO.File.Move(beside, file, overwrite: true);
        content = changed;
    }
}

sealed record ProfileFile(string? Current, SortedDictionary<string, Profile> Profiles);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ProfileFile))]
sealed partial class ProfilesJson : JsonSerializerContext;
