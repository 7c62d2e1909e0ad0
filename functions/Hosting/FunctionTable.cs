using System.Reflection;
using Microsoft.Azure.Functions.Worker;

namespace Serverless.Functions.Hosting;

sealed record HttpFunction(string Name, MethodInfo Method, string Route, IReadOnlyList<string> Methods);

sealed record TimerFunction(string Name, MethodInfo Method, TimerTriggerAttribute Trigger);

sealed record BusFunction(string Name, MethodInfo Method, ServiceBusTriggerAttribute Trigger);

/// <summary>The functions of this assembly, found by their attributes as the Functions host finds them.</summary>
sealed class FunctionTable
{
    public IReadOnlyList<HttpFunction> Http { get; }

    public IReadOnlyList<TimerFunction> Timers { get; }

    public IReadOnlyList<BusFunction> Bus { get; }

    private FunctionTable(List<HttpFunction> http, List<TimerFunction> timers, List<BusFunction> bus) => (Http, Timers, Bus) = (http, timers, bus);

    public static FunctionTable OfThisAssembly()
    {
        List<HttpFunction> http = [];
        List<TimerFunction> timers = [];
        List<BusFunction> bus = [];
        foreach (var type in typeof(FunctionTable).Assembly.GetExportedTypes())
        {
            if (!type.Name.EndsWith("Functions", StringComparison.Ordinal)) continue;
            foreach (var method in type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            {
                if (method.GetCustomAttribute<FunctionAttribute>() is not { Name: var name }) continue;
                foreach (var parameter in method.GetParameters())
                {
                    if (parameter.GetCustomAttribute<HttpTriggerAttribute>() is { } trigger)
                    {
                        http.Add(new(name, method, trigger.Route ?? name, [.. (trigger.Methods ?? []).Select(verb => verb.ToUpperInvariant())]));
                    }
                    else if (parameter.GetCustomAttribute<TimerTriggerAttribute>() is { } timer)
                    {
                        timers.Add(new(name, method, timer));
                    }
                    else if (parameter.GetCustomAttribute<ServiceBusTriggerAttribute>() is { } topic)
                    {
                        bus.Add(new(name, method, topic));
                    }
                }
            }
        }

        return new(http, timers, bus);
    }
}
