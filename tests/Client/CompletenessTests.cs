using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Serverless.Functions.Hosting;

namespace Serverless.Tests.Client;

/// <summary>Everything that the API can is a typed call.</summary>
public sealed class CompletenessTests
{
    /// <summary>What others call, what describes the API itself, what answers 501, and code that only workers and people's browsers fetch.</summary>
    private static readonly string[] NotCalled =
    [
        "github/webhook", "openapi.json", "notebooks/{id?}", "sweeps/{id}", "sweeps/{id}/cancel", "GET code/{sha256}",
    ];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EveryOperation_HasACall_AndEveryCallAnOperation()
    {
        await using var server = await ScriptedServer.Start((context, _) =>
        {
            context.Response.StatusCode = 404;
            return Task.CompletedTask;
        });
        using var client = server.Client();
        foreach (var call in typeof(ServerlessClient).GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Where(method => !method.IsSpecialName && method.Name != "Dispose"))
        {
            await Made(client, call);
        }

        // Large contents first ask where to.
        await Record.ExceptionAsync(() => client.PutFile("x", int.MaxValue, () => Stream.Null, cancel: Cancel));
        await Record.ExceptionAsync(() => client.PutCode(new byte[33 * 1024 * 1024], Cancel));
        await Record.ExceptionAsync(() => client.PutContent("x", "x", int.MaxValue, () => Stream.Null, cancel: Cancel));
        await Record.ExceptionAsync(() => client.PauseTrigger("x", paused: true, Cancel));

        var operations = FunctionTable.OfThisAssembly().Http.SelectMany(
            function => function.Methods.Select(method => (Name: $"{method.ToUpperInvariant()} {function.Route}", function.Route)))
            .Where(operation => !operation.Name.StartsWith("HEAD ", StringComparison.Ordinal) && !NotCalled.Contains(operation.Route)
                && !NotCalled.Contains(operation.Name)).ToList();
        var made = server.Requests.Concat(server.Probes).Select(one => $"{one.Method} {one.Path["/api/".Length..]}").Distinct().ToList();

        Assert.All(operations, operation => Assert.Contains(made, one => Fits(operation.Name, one)));
        Assert.All(made.Where(one => !one.StartsWith("HEAD ", StringComparison.Ordinal)),
            one => Assert.Contains(operations, operation => Fits(operation.Name, one)));
    }

    private static bool Fits(string operation, string made) =>
        Regex.IsMatch(made, $"^{Regex.Replace(operation, @"\{(\*?)\w+\??\}", match => match.Groups[1].Length > 0 ? ".+" : "[^/]+")}$",
            RegexOptions.None, TimeSpan.FromSeconds(1));

    /// <summary>Calls it with something in the place of each argument; that the answer is none is expected.</summary>
    private static async Task Made(ServerlessClient client, MethodInfo call)
    {
        object?[] arguments = [.. call.GetParameters().Select(parameter => Something(parameter.ParameterType))];
        await Record.ExceptionAsync(async () =>
        {
            var made = call.Invoke(client, arguments)!;
            if (made is Task task) await task;
            else foreach (var _ in (IEnumerable<object?>)typeof(CompletenessTests).GetMethod(
                nameof(All), BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(made.GetType().GetInterfaces()
                .First(one => one.IsGenericType && one.GetGenericTypeDefinition() == typeof(IAsyncEnumerable<>)).GenericTypeArguments[0])
                .Invoke(null, [made])!) { }
        });
    }

    private static IEnumerable<object?> All<T>(IAsyncEnumerable<T> all) => all.ToBlockingEnumerable().Cast<object?>();

    private static object? Something(Type type)
    {
        if (type == typeof(string)) return "x";
        if (type == typeof(CancellationToken)) return Cancel;
        if (type == typeof(JsonElement)) return JsonElement.Parse("{}");
        if (type == typeof(ReadOnlyMemory<byte>)) return new ReadOnlyMemory<byte>([1]);
        if (type == typeof(Func<Stream>)) return () => Stream.Null;
        if (type == typeof(List<string>) || type == typeof(IReadOnlyCollection<string>) || type == typeof(IEnumerable<string>))
        {
            return new List<string> { "x" };
        }

        if (type.IsInterface || type.IsAbstract || typeof(Delegate).IsAssignableFrom(type) || Nullable.GetUnderlyingType(type) is not null)
        {
            return null;
        }

        if (type.IsValueType) return Activator.CreateInstance(type);
        var made = type.GetConstructors().OrderByDescending(one => one.GetParameters().Length).First();
        return made.Invoke([.. made.GetParameters().Select(parameter => Something(parameter.ParameterType))]);
    }
}
