using System.Net;
using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core.Storage;
using Serverless.Functions.Hosting;
using Serverless.Functions.OpenApi;

namespace Serverless.Tests.Functions;

public sealed partial class OpenApiTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Description_HasEveryRouteAndNoOther()
    {
        using var document = JsonDocument.Parse(await platform.Client(null).GetStringAsync("api/openapi.json", Cancel));
        Assert.Equal("3.1.0", document.RootElement.GetProperty("openapi").GetString());
        var described = document.RootElement.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(operation => $"{operation.Name.ToUpperInvariant()} {path.Name}"));
        var served = typeof(EmbeddedHost).Assembly.GetTypes().SelectMany(type => type.GetMethods()).SelectMany(method => method.GetParameters())
            .Select(parameter => parameter.GetCustomAttribute<HttpTriggerAttribute>()).OfType<HttpTriggerAttribute>()
            .SelectMany(trigger => trigger.Methods!.Select(method => $"{method.ToUpperInvariant()} /api/{Plain().Replace(trigger.Route!, "{$1}")}"));
        Assert.Equal(served.Order(StringComparer.Ordinal), described.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task EveryReference_LeadsToASchema_AndEveryOperationHasItsOwnId()
    {
        using var document = JsonDocument.Parse(await platform.Client(null).GetStringAsync("api/openapi.json", Cancel));
        var references = 0;
        Walk(document.RootElement);
        Assert.True(references > 20);
        var ids = document.RootElement.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject())
            .Select(operation => operation.Value.GetProperty("operationId").GetString()).ToList();
        Assert.Equal(ids.Distinct(), ids);

        void Walk(JsonElement element)
        {
            if (element.ValueKind == JsonValueKind.Array) foreach (var item in element.EnumerateArray()) Walk(item);
            if (element.ValueKind != JsonValueKind.Object) return;
            foreach (var property in element.EnumerateObject())
            {
                if (property is { Name: "$ref", Value.ValueKind: JsonValueKind.String })
                {
                    references++;
                    var at = document.RootElement;
                    foreach (var part in property.Value.GetString()!.Split('/').Skip(1)) Assert.True(At(ref at, part), property.Value.GetString());
                }

                Walk(property.Value);
            }
        }

        static bool At(ref JsonElement at, string part)
        {
            if (at.ValueKind == JsonValueKind.Array)
            {
                return int.TryParse(part, out var index) && index < at.GetArrayLength() && (at = at[index]).ValueKind != JsonValueKind.Undefined;
            }

            return at.TryGetProperty(part, out at);
        }
    }

    /// <summary>
    /// Files are listed as they are, the dead letters of the bus have no records, and a run's own lists are
    /// parts of it: whoever asks for those is answered 409 when it is damaged.
    /// </summary>
    private static readonly string[] ListsWithoutRecords = ["FileList", "DeadLetterList", "ArtifactList", "CheckpointList"];

    [Fact]
    public void EveryListOfRecords_HasAPlaceForTheDamagedOnes()
    {
        var answers = typeof(EmbeddedHost).Assembly.GetTypes().SelectMany(type => type.GetMethods())
            .Select(method => method.GetCustomAttribute<OperationAttribute>()?.Answer).OfType<Type>().Distinct().ToList();
        var lists = answers.Where(answer => answer.Name.EndsWith("List", StringComparison.Ordinal) && !ListsWithoutRecords.Contains(answer.Name))
            .ToList();
        Assert.Contains(lists, list => list.Name == "WebhookList");
        Assert.Empty(
            answers.Where(answer => answer.IsArray).Select(answer => $"{answer.Name}: an array has no room for what is damaged; answer a …List"));
        Assert.Empty(
            lists.Where(list => list.GetProperty("Damaged")?.PropertyType != typeof(IReadOnlyList<DamagedRecord>))
                .Select(list => $"{list.Name} has no Damaged"));
    }

    /// <summary>
    /// Each operation is asked for its success; that every answer is one that was announced, with all its fields and no other, is seen to by the
    /// clients of <see cref="PlatformFixture"/>.
    /// </summary>
    [Fact]
    public async Task EveryOperation_AnswersWhatItIsSaidToAnswer()
    {
        var description = new ApiDescription(JsonElement.Parse(await platform.Client(null).GetStringAsync("api/openapi.json", Cancel)));

        Assert.Empty(await new EveryOperation(platform).Visit(Cancel));
        var unseen =
            from operation in description.Operations
            let id = operation.Operation.GetProperty("operationId").GetString()!
            from status in operation.Operation.GetProperty("responses").EnumerateObject()
                .Select(response => (HttpStatusCode)int.Parse(response.Name, null))
            where status is HttpStatusCode.OK or HttpStatusCode.Created or HttpStatusCode.Accepted or HttpStatusCode.NoContent
                or HttpStatusCode.PartialContent or HttpStatusCode.NotModified or HttpStatusCode.NotImplemented
            where !(operation.Method == "HEAD" && status == HttpStatusCode.PartialContent) && !platform.Seen.ContainsKey((id, status))
            select $"{id} {(int)status}";
        Assert.Empty(unseen);
    }

    /// <summary>The check itself: an answer with a field too many or too few, of another status or type, is none that was announced.</summary>
    [Theory]
    [InlineData(200, "application/json", """{"status":"ok","version":"1"}""", null)]
    [InlineData(200, "application/json", """{"status":"ok","version":"1","more":1}""", "more is not announced")]
    [InlineData(200, "application/json", """{"status":"ok"}""", "version is missing")]
    [InlineData(200, "application/json", """{"status":"ok","version":null}""", "null is no string")]
    [InlineData(200, "application/json", """{"status":1,"version":"1"}""", "1 is no string")]
    [InlineData(200, "application/json", "[]", "[] is no object")]
    [InlineData(201, "application/json", """{"status":"ok","version":"1"}""", "the status is not announced")]
    [InlineData(200, "text/html", "ok", "the content type text/html is not announced")]
    [InlineData(200, null, "", "the content type (none) is not announced")]
    public async Task AnAnswerThatWasNotAnnounced_IsFound(int status, string? type, string body, string? problem)
    {
        var description = new ApiDescription(JsonElement.Parse(await platform.Client(null).GetStringAsync("api/openapi.json", Cancel)));
        var health = description.Find(HttpMethod.Get, "/api/health")!.Value;
        var found = string.Join("; ", description.Problems(health, HttpMethod.Get, (HttpStatusCode)status, type, body));
        if (problem is null) Assert.Empty(found);
        else Assert.Contains(problem, found, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"\{\*?(\w+)\??\}")]
    private static partial Regex Plain();
}
