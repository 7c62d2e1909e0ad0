using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Serverless.Core;
using Serverless.Core.Runs;
using Serverless.Tests.Functions;

namespace Serverless.Tests.Fuzz;

/// <summary>
/// Every operation of the API's description, asked as nobody means well: the answer is never a
/// fault of the platform, says what is wrong as a problem, and is small.
/// </summary>
public sealed class HttpFuzzTests(PlatformFixture platform) : IClassFixture<PlatformFixture>
{
    private const int Requests = 1500, MostOfAnswer = 256 * 1024;

    private static readonly string[] Headers =
    [
        "If-Match", "If-None-Match", "If-Range", "Range", "Idempotency-Key", "Last-Event-ID", "Accept", "Content-Type", "If-Modified-Since", "Expect",
    ];

    private static readonly string[] HeaderValues =
    [
        "*", "\"a\"", "W/\"a\"", "a", "\"a\", \"b\"", "\"", "", "bytes=0-1", "bytes=-1", "bytes=5-2", "bytes=0-9223372036854775807",
        "bytes=9223372036854775807-", "bytes=0-1,3-4", "bytes=x", "1-1", "2147483648-1",
        "application/json", "application/yaml", "text/event-stream", "text/*;q=0.5", "key-1", "Thu, 01 Jan 1970 00:00:00 GMT", "100-continue",
    ];

    private static readonly string[] Values =
    [
        "1", "0", "-1", "true", "a", "last", "latest", "100", "digits", "digits:1", "data/", "data/x.csv", "run:x", "succeeded", "Succeeded", "0,1",
        "9223372036854775807", "-9223372036854775808", "*", "a*b", "1-1",
        "0000000000000000000000000000000000000000000000000000000000000000", "00000000000000000000000000",
    ];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EveryOperation_WhateverIsSent_AnswersSmallAndIsNeverAFault()
    {
        using var document = JsonDocument.Parse(await platform.Reader.GetStringAsync("api/openapi.json", Cancel));
        var operations = document.RootElement.GetProperty("paths").EnumerateObject()
            .SelectMany(
                path => path.Value.EnumerateObject().Select(
                    operation => new Operation(operation.Name.ToUpperInvariant(), path.Name, operation.Value.Clone()))).ToList();
        var (run, snapshot) = (await platform.Submit(), await platform.PutCode());
        await platform.Apply(await platform.Submit("ended"), new RunEvent.RequestCancel("ada", null));
        using var file = await platform.Writer.PutAsync("api/files/data/x.csv", new StringContent("a,b\n1,2\n"), Cancel);
        string[] values = [.. Values, run, snapshot, file.Headers.ETag!.Tag];
        string[] bodies =
        [
            .. Bodies(snapshot), await platform.Spec(),
        ];

        await FuzzRun.Of(Requests, async mutator =>
        {
            var operation = mutator.Pick(operations);
            using var request = operation.Request(mutator, values, bodies);
            var said = $"{request.Method} {request.RequestUri} {request.Headers.ToString().ReplaceLineEndings(" ")} " +
                $"{(request.Content is null ? "" : Excerpt.Of(await request.Content.ReadAsStringAsync(Cancel), 1000))}";
            using var answer = await (mutator.Below(2) == 0 ? platform.Reader : platform.Writer).SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, Cancel);
            Assert.True((int)answer.StatusCode < 500 || answer.StatusCode == HttpStatusCode.NotImplemented,
                $"{(int)answer.StatusCode} for {said}\n{string.Join('\n', platform.Log.TakeLast(20))}");

            // A log that is followed has no end.
            if (said.Contains("follow", StringComparison.Ordinal) && answer.IsSuccessStatusCode) return;
            var body = await answer.Content.ReadAsByteArrayAsync(Cancel);
            Assert.True(body.Length < MostOfAnswer, $"{body.Length} bytes for {said}");
            if (answer.IsSuccessStatusCode || (int)answer.StatusCode < 400 || operation.Method == "HEAD") return;

            // What is no HTTP (a NUL in the address, for one), or too long to be read, the server itself turns away before anything of ours sees it.
            if (body.Length == 0
                && answer is { StatusCode: HttpStatusCode.BadRequest or HttpStatusCode.RequestUriTooLong
                    or HttpStatusCode.RequestHeaderFieldsTooLarge, Headers.ConnectionClose: true })
            {
                return;
            }

            Assert.True(answer.Content.Headers.ContentType?.MediaType == "application/problem+json",
                $"{(int)answer.StatusCode} {answer.Content.Headers.ContentType} for {said}");
            Assert.False(string.IsNullOrWhiteSpace(JsonSerializer.Deserialize<ProblemDetails>(body, CoreJson.Options)!.Detail), said);
        });
    }

    private static IEnumerable<string> Bodies(string snapshot) =>
    [
        "", "null", "[]", "{}", "\"x\"", "0", "[null]", "{\"\\ud800\":1}", "[\"\\ud800\"]", "[\"a\",\"b\"]",
        """{"project":"p","name":"n","command":"true","code":{"snapshot":"SNAPSHOT"},"params":{"x":"a","y":[1,2]},"tags":["a"],"env":{"A":"1"},"inputs":["data/x.csv"]}""".Replace("SNAPSHOT", snapshot, StringComparison.Ordinal),
        """{"when":{"file":"data/*.csv"},"then":{"project":"p","name":"n","command":"train.cs","code":{"snapshot":"SNAPSHOT"},"params":{"x":"${event.path}"}}}""".Replace("SNAPSHOT", snapshot, StringComparison.Ordinal),
        """{"when":{"run":{"project":"pruning","experiment":"mlp","where":"acc > 0.5 and params.run != 'x'"}},"then":{"project":"p","name":"n","command":"train.cs","code":{"snapshot":"SNAPSHOT"},"params":{"x":"${run.id}"}}}""".Replace("SNAPSHOT", snapshot, StringComparison.Ordinal),
        "when: { schedule: { cron: '0 3 * * *', zone: UTC } }\nthen: { project: p, name: n, command: train.cs, code: { snapshot: " + snapshot
            + " } }\n",
        """{"name":"ada","role":"reader"}""", """{"url":"https://example.com/x","events":["run.*"],"format":"json"}""",
        """{"runs":["00000000000000000000000000",null],"title":"t"}""",
        """{"path":"data/"}""",
        """{"files":[{"path":"a.csv","sha256":"SNAPSHOT","lengthBytes":1},null]}""".Replace("SNAPSHOT", snapshot, StringComparison.Ordinal),
    ];

    private sealed record Operation(string Method, string Path, JsonElement Described)
    {
        private IEnumerable<string> QueryNames => Described.TryGetProperty("parameters", out var parameters)
            ? parameters.EnumerateArray().Where(parameter => parameter.GetProperty("in").GetString() == "query")
                .Select(parameter => parameter.GetProperty("name").GetString()!)
            : [];

        public HttpRequestMessage Request(Mutator mutator, string[] values, string[] bodies)
        {
            var target = Path;
            while (target.IndexOf('{', StringComparison.Ordinal) is var start and >= 0)
            {
                target = target[..start] + Sent(mutator, values, 300) + target[(target.IndexOf('}', StringComparison.Ordinal) + 1)..];
            }

            var query = QueryNames.Where(_ => mutator.Below(2) == 0).Select(name => $"{name}={Sent(mutator, values, 1000)}").ToList();
            var request = new HttpRequestMessage(new(Method), target[1..] + (query.Count > 0 ? "?" + string.Join('&', query) : ""));
            if (Method is not ("GET" or "HEAD"))
            {
                request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(mutator.Text(bodies)));
                request.Content.Headers.ContentType = mutator.Below(3) switch { 0 => new("application/yaml"), 1 => new("application/json"), _ =>
                    null };
            }

            for (var headers = mutator.Below(3); headers > 0; headers--)
            {
                // What would end a header's line, no client sends.
                var (name, value) = (mutator.Pick(Headers),
                    new string([.. mutator.Text(HeaderValues).Where(c => c is >= ' ' and < '\x7f').Take(2000)]));
                HttpHeaders to = name == "Content-Type" && request.Content is not null ? request.Content.Headers : request.Headers;
                if (name != "Content-Type" || request.Content is not null) to.TryAddWithoutValidation(name, value);
            }

            return request;
        }

        // Dot segments never leave a client; BadInputTests sends them byte by byte.
        private static string Sent(Mutator mutator, string[] values, int most)
        {
            var value = mutator.Below(3) == 0 ? mutator.Text(values) : mutator.Pick(values);
            return mutator.Below(2) == 0 ? Uri.EscapeDataString(Excerpt.Of(value, most).Replace('\ufffd', '?'))
                : string.Concat(value.Where(c => char.IsAsciiLetterOrDigit(c) || "%/:,-*".Contains(c, StringComparison.Ordinal)).Take(most));
        }
    }
}
