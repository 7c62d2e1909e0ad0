using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Mono.Cecil;
using Serverless.Core.Telemetry;
using Serverless.Tests.Support;

namespace Serverless.Tests.Structure;

/// <summary>Filters and alerts name log events by their numbers: each has one of its room, and stands on the page.</summary>
public sealed partial class LogEventsTests
{
    private const int RoomSize = 100;

    private static readonly string[] Programs = ["Serverless.Core", "Serverless.Functions", "Serverless.GpuWorker", "exp"];

    private static readonly IReadOnlyDictionary<string, int> Rooms = typeof(LogEvents).GetFields()
        .ToDictionary(field => field.Name, field => (int)field.GetRawConstantValue()!);

    private static IReadOnlyList<LogEvent> All { get; } = [.. Programs.SelectMany(In).OrderBy(found => found.Id)];

    [Fact]
    public void EveryEvent_HasANumberOfItsOwn()
    {
        Assert.NotEmpty(All);
        Assert.Empty(All.GroupBy(found => found.Id).Where(same => same.Count() > 1).Select(same => string.Join(", ", same)));
    }

    [Fact]
    public void EveryEvent_IsInTheHundredOfItsRoom() =>
        Assert.DoesNotContain(All, found => found.Room is not { } room || found.Id <= room || found.Id >= room + RoomSize);

    [Fact]
    public void ThePage_ListsEveryEvent_AndNoOther() => Assert.Equal(
        All.Select(found => $"{found.Id} {found.Level} {found.Message}"),
        Row().Matches(File.ReadAllText(Repository.PathOf("docs", "logging.md"))).Select(row => $"{row.Groups[1]} {row.Groups[2]} {row.Groups[3]}"));

    private static IEnumerable<LogEvent> In(string assembly)
    {
        using var module = References.Read(assembly);
        return
        [
            .. from type in module.GetTypes()
               from method in type.Methods
               from attribute in method.CustomAttributes
               where attribute.AttributeType.Name == nameof(LoggerMessageAttribute)
               select LogEvent.Of(type, attribute),
        ];
    }

    private sealed record LogEvent(int Id, string Level, string Message, string Class)
    {
        /// <summary>The class is named by the room: RunsLog.</summary>
        public int? Room => Rooms.TryGetValue(Class[..^3], out var room) ? room : null;

        public static LogEvent Of(TypeDefinition type, CustomAttribute attribute)
        {
            var given = attribute.ConstructorArguments.Select(argument => argument.Value)
                .Concat(attribute.Properties.Select(property => property.Argument.Value)).ToList();
            var level = attribute.ConstructorArguments.Any(argument => argument.Type.Name == nameof(LogLevel))
                ? (LogLevel)(int)given[1]
                : (LogLevel?)null;
            return new(given.OfType<int>().First(), level is { } known
                ? known.ToString().ToLower(CultureInfo.InvariantCulture)
                : "information or warning", given.OfType<string>().Single(), type.Name);
        }
    }

    [GeneratedRegex(@"^\| (\d+) \| ([a-z ]+) \| `(.+)` \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
