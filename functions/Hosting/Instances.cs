using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;

namespace Serverless.Functions.Hosting;

/// <summary>Function classes, each made once when it is first needed.</summary>
sealed class Instances(IServiceProvider services)
{
    private readonly ConcurrentDictionary<Type, object> made = new();

    public object Of(Type type) => made.GetOrAdd(type, static (key, all) => ActivatorUtilities.CreateInstance(all, key), services);
}
