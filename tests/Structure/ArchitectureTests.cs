using System.Text.RegularExpressions;
using Mono.Cecil;
using Serverless.Tests.Support;

namespace Serverless.Tests.Structure;

public sealed partial class ArchitectureTests
{
    private const string Core = "Serverless.Core";

    [Fact]
    public void EveryRoomOfCore_UsesOnlyRoomsBeforeIt()
    {
        using var module = References.Read(Core);
        var backwards =
            from used in References.Of(module)
            let room = RoomOf(used.From)
            let other = used.To.Scope == module ? RoomOf(used.To) : null
            where room is not null && other is not null && Place(other) > Place(room)
            select $"{room} → {other}: {used.From.Name} uses {used.To.Name}";

        Assert.Empty(backwards.Order(StringComparer.Ordinal));
    }

    /// <summary>What the compiler leaves out still tells a reader which way the arrows go.</summary>
    [Fact]
    public void EveryUsingInCore_NamesARoomBeforeItsOwn()
    {
        var backwards =
            from room in Rooms.Order.Where(room => room != Rooms.Root)
            from file in Directory.GetFiles(Repository.PathOf("core", room), "*.cs", SearchOption.AllDirectories)
            from line in File.ReadLines(file).TakeWhile(line => !line.StartsWith("namespace ", StringComparison.Ordinal))
            where line.StartsWith($"using {Core}.", StringComparison.Ordinal)
            where Place(line[$"using {Core}.".Length..].TrimEnd(';').Split('.')[0]) > Place(room)
            select $"{Path.GetRelativePath(Repository.Root, file)}: {line}";

        Assert.Empty(backwards);
    }

    [Fact]
    public void EveryFolderOfCore_IsARoomOfTheOrder_AndEveryRoomAFolder()
    {
        var folders = Directory.GetDirectories(Repository.PathOf("core")).Select(Path.GetFileName).Where(name => name is not "bin" and not "obj");

        Assert.Equal(Rooms.Order.Where(room => room != Rooms.Root).Order(StringComparer.Ordinal), folders.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void TheMapInTheReadme_ShowsTheRoomsInTheirOrder()
    {
        var table = File.ReadLines(Repository.PathOf("README.md"))
            .SkipWhile(line => !line.StartsWith("| rooms", StringComparison.Ordinal)).Skip(2)
            .TakeWhile(line => line.StartsWith('|'));

        Assert.Equal(
            Rooms.Order.Where(room => room != Rooms.Root),
            table.SelectMany(line => line.Split('|')[1].Split('·')).Select(room => room.Trim().Trim('`')));
    }

    /// <summary>What the map sends people to is there.</summary>
    [Fact]
    public void EveryFolderThatTheReadmesMapNames_IsThere()
    {
        var map = File.ReadAllText(Repository.PathOf("README.md")).Split("## What is where")[1];
        var named = from Match match in Named().Matches(map) select match.Groups[1].Value;

        Assert.DoesNotContain(named, path => !Path.Exists(Repository.PathOf(path)) && !File.Exists(Repository.PathOf(path + ".cs")));
    }

    [Theory, MemberData(nameof(Assemblies))]
    public void EveryAssembly_UsesOnlyThoseThatAreNamedForIt(string assembly)
    {
        using var module = References.Read(assembly);
        var used = References.Of(module).Select(pair => (pair.From, To: pair.To.Scope.Name.Replace(".dll", "", StringComparison.Ordinal))).ToList();
        var ours = used.Where(pair => Rooms.Assemblies.ContainsKey(pair.To) && pair.To != assembly && !Rooms.Assemblies[assembly].Contains(pair.To));
        var foreign = used.Where(
            pair => Rooms.Foreign.GetValueOrDefault(assembly, []).Any(name => pair.To.StartsWith(name, StringComparison.Ordinal)));

        Assert.Empty(ours.Concat(foreign).Select(pair => $"{pair.From.FullName} uses {pair.To}").Distinct());
    }

    /// <summary>The platform shares the API's nouns with its clients; it is no client of its own.</summary>
    [Fact]
    public void ThePlatform_UsesTheNounsOfTheClient_AndNothingThatSends()
    {
        foreach (var assembly in (string[])[Core, "Serverless.Cloud", "Serverless.Functions", "Serverless.GpuWorker"])
        {
            using var module = References.Read(assembly);
            Assert.DoesNotContain(References.Of(module), used => Sends(used.To));
        }

        static bool Sends(TypeReference type) =>
            type.Namespace == "Serverless.Client.Http"
                || (type.Namespace == "Serverless.Client" && type.Name.StartsWith("ServerlessClient", StringComparison.Ordinal));
    }

    /// <summary>Else the nouns could not go anywhere without the client.</summary>
    [Fact]
    public void TheNounsOfTheClient_KnowNothingOfHowTheyAreSent()
    {
        using var module = References.Read("Serverless.Client");
        var senders =
            from used in References.Of(module)
            where used.From.Namespace == "Serverless.Client" && used.To.Scope.Name is "Polly.Core" or "System.Net.Http"
            select used.From.Name;

        Assert.Equal(["ServerlessClient", "ServerlessClientOptions"], senders.Distinct().Order(StringComparer.Ordinal));
    }

    public static TheoryData<string> Assemblies => [.. Rooms.Assemblies.Keys];

    [GeneratedRegex(@"`((?:core|client|functions|gpu-worker|sdk|cli|cloud|tests)/[\w/-]+)`")]
    private static partial Regex Named();

    private static int Place(string room)
    {
        var place = Rooms.Order.ToList().IndexOf(room);
        return place >= 0 ? place : throw new InvalidOperationException($"core/{room} has no place in {nameof(Rooms)}.{nameof(Rooms.Order)}");
    }

    /// <summary>Null for what the compiler made up.</summary>
    private static string? RoomOf(TypeReference type) => type.Namespace switch
    {
        Core => Rooms.Root,
        "Serverless.Contract" => "Contract",
        var name when name.StartsWith(Core + '.', StringComparison.Ordinal) => name[(Core.Length + 1)..].Split('.')[0],
        _ => null,
    };
}
