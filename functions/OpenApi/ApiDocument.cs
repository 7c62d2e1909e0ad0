using System.Globalization;
using System.Reflection;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Serverless.Core;
using Serverless.Functions.Hosting;
using Serverless.Functions.Http;
using ProblemDetails = Serverless.Client.ProblemDetails;

namespace Serverless.Functions.OpenApi;

/// <summary>
/// The API's description, made from the functions' attributes and the types that they answer:
/// what is not a function is not in it, and every function is.
/// </summary>
static partial class ApiDocument
{
    private const string KeyScheme = "key", Json = "application/json";

    public static JsonObject Make()
    {
        var schemas = new ApiSchemas();
        var paths = new JsonObject();
        foreach (var function in FunctionTable.OfThisAssembly().Http.OrderBy(function => function.Route, StringComparer.Ordinal))
        {
            // "{*path}" and "{name?}" are how the host writes them; the description knows "{path}" only.
            var path = "/api/" + Decorations().Replace(function.Route, "{$1}");
            var item = (JsonObject)(paths[path] ??= new JsonObject());
            foreach (var method in function.Methods) item[method.ToLowerInvariant()] = Operation(function, method, schemas);
        }

        return new()
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject
            {
                ["title"] = "Serverless",
                ["version"] = typeof(ApiDocument).Assembly.GetName().Version!.ToString(3),
                ["description"] = "Experiments in, trained models out.",
            },
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["schemas"] = schemas.ToJson(),
                ["examples"] = new JsonObject(ApiExamples.Problems.Select(
                    problem => KeyValuePair.Create(ExampleName(problem.Key), (JsonNode?)new JsonObject { ["value"] = problem.Value!.DeepClone() }))),
                ["securitySchemes"] = new JsonObject { [KeyScheme] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer" } },
            },
        };
    }

    private static JsonObject Operation(HttpFunction function, string method, ApiSchemas schemas)
    {
        var about = function.Method.GetCustomAttribute<OperationAttribute>()
            ?? throw new InvalidOperationException($"{function.Name} has no [Operation]");
        var operation = new JsonObject
        {
            ["operationId"] = function.Methods.Count == 1
                ? function.Name
                : function.Name + char.ToUpperInvariant(method[0]) + method[1..].ToLowerInvariant(),
            ["tags"] = new JsonArray(function.Route.Split('/')[0]),
            ["summary"] = about.Summary,
        };
        if (!about.Open)
        {
            operation["security"] = new JsonArray(new JsonObject { [KeyScheme] = new JsonArray() });
            operation["x-role"] = CoreJson.Name(about.Role);
        }

        JsonObject[] parameters =
        [
            .. Decorations().Matches(function.Route).Select(
                match => PathParameters.Describe(function.Route, match.Groups[1].Value, isWhole: match.Value[1] == '*')),
            .. about.Query.Select(Query), .. about.Headers.Select(Header),
        ];
        if (parameters.Length > 0) operation["parameters"] = new JsonArray([.. parameters]);
        string[] bodies = about is { Body: not null, BodyTypes: [] } ? [Json] : about.BodyTypes;
        if (bodies.Length > 0 && method is not ("GET" or "HEAD" or "DELETE"))
        {
            operation["requestBody"] = new JsonObject
            {
                ["required"] = true,
                ["content"] = new JsonObject(bodies.Select(type => KeyValuePair.Create(type, (JsonNode?)Content(about.Body, schemas)))),
            };
        }

        operation["responses"] = Responses(about, method, schemas);
        return operation;
    }

    private static JsonObject Responses(OperationAttribute about, string method, ApiSchemas schemas)
    {
        var responses = new JsonObject();
        string[] types = about is { Answer: not null, AnswerTypes: [] } ? [Json] : about.AnswerTypes;
        foreach (var status in about.Also.Append(about.Status).Where(status => status < 400).Order())
        {
            var success = new JsonObject { ["description"] = Answer.TitleOf(status) };
            if (types.Length > 0 && method != "HEAD" && status is not (204 or 304 or 307))
            {
                success["content"] = new JsonObject(
                    types.Select(
                        type => KeyValuePair.Create(
                            type, (JsonNode?)Content(type.EndsWith("json", StringComparison.Ordinal) ? about.Answer : null, schemas))));
            }

            responses[Text(status)] = success;
        }

        // 409: something that is needed is damaged.
        int[] errors = about.Open ? [] : [400, 401, 409, 503, .. about.Role > Role.Reader ? new[] { 403, 507 } : []];
        foreach (var status in errors.Concat(about.Errors).Concat(about.Status >= 400 ? [about.Status] : []).Distinct().Order())
        {
            responses[Text(status)] = new JsonObject
            {
                ["description"] = Answer.TitleOf(status),
                ["content"] = new JsonObject { ["application/problem+json"] = Problem(status, schemas) },
            };
        }

        return responses;
    }

    private static JsonObject Problem(int status, ApiSchemas schemas)
    {
        var content = Content(typeof(ProblemDetails), schemas);
        if (ApiExamples.Problems.ContainsKey(Text(status)))
        {
            content["examples"] = new JsonObject { ["problem"] = new JsonObject { ["$ref"] = $"#/components/examples/{ExampleName(Text(status))}" } };
        }

        return content;
    }

    private static string ExampleName(string status) => $"Problem{status}";

    private static JsonObject Content(Type? type, ApiSchemas schemas) => type is null ? [] : new() { ["schema"] = schemas.Of(type) };

    private static JsonObject Query(string declaration)
    {
        var parameter = (QueryParameter)typeof(QueryParameters).GetField(declaration)!.GetValue(null)!;
        var described = new JsonObject
        {
            ["name"] = parameter.Name, ["in"] = "query", ["description"] = parameter.Description, ["schema"] = parameter.Schema,
        };
        if (parameter.IsList) (described["style"], described["explode"]) = ("form", false);
        return described;
    }

    private static JsonObject Header(string text)
    {
        var at = text.IndexOf(": ", StringComparison.Ordinal);
        return new()
        {
            ["name"] = text[..at], ["in"] = "header", ["description"] = text[(at + 2)..], ["schema"] = new JsonObject { ["type"] = "string" },
        };
    }

    private static string Text(int status) => status.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\{\*?(\w+)\??\}")]
    private static partial Regex Decorations();
}
