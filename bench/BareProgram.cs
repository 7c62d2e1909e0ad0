using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace Serverless.Bench;

/// <summary>Executes a program that a worker compiled, without the platform: what it refers to is found where the worker has it.</summary>
static class BareProgram
{
    /// <param name="parameters">Each <c>name=value</c>, given as the variables that experiment code reads.</param>
    public static int Run(string worker, string program, string[] parameters)
    {
        foreach (var parameter in parameters)
        {
            var (name, value) = parameter.Split('=', 2) is [var before, var after]
                ? (before, after)
                : throw new ArgumentException($"{parameter}: expected name=value", nameof(parameters));
            Environment.SetEnvironmentVariable(Contract.ContractNames.ParamPrefix + name.ToUpperInvariant(), value);
        }

        var resolver = new AssemblyDependencyResolver(worker);
        AssemblyLoadContext.Default.Resolving += (context, name) =>
            resolver.ResolveAssemblyToPath(name) is { } path ? context.LoadFromAssemblyPath(path) : null;
        AssemblyLoadContext.Default.ResolvingUnmanagedDll += (_, name) =>
            resolver.ResolveUnmanagedDllToPath(name) is { } path ? NativeLibrary.Load(path) : 0;
        AssemblyLoadContext.Default.LoadFromAssemblyPath(program).EntryPoint!.Invoke(null, [Array.Empty<string>()]);
        return 0;
    }
}
