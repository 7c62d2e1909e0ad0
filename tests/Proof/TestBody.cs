using System.Reflection;
using Mono.Cecil;
using Serverless.Tests.Support;

namespace Serverless.Tests.Proof;

/// <summary>What a test does, in all that it calls within the tests, as far as the compiled code tells.</summary>
/// <param name="Asserts">It can fail by an assertion.</param>
/// <param name="MaySkip">It can end as skipped.</param>
/// <param name="UsesTheProduct">It calls something of the product, or starts a process.</param>
sealed record TestBody(bool Asserts, bool MaySkip, bool UsesTheProduct)
{
    private const string Product = "Serverless.", Tests = "Serverless.Tests";

    private static readonly ModuleDefinition Module = ModuleDefinition.ReadModule(typeof(TestBody).Assembly.Location);

    public static TestBody Of(MethodInfo test)
    {
        var seen = new HashSet<MethodDefinition>();
        var open = new Stack<MethodDefinition>();
        for (var type = test.ReflectedType; type is not null && type.Assembly == test.Module.Assembly; type = type.BaseType)
        {
            // Before the test itself its class is made and made ready.
            var definition = (TypeDefinition)Module.LookupToken(type.MetadataToken);
            foreach (var method in definition.Methods.Where(
                method => method.IsConstructor || method.Name == "InitializeAsync" || method.MetadataToken.ToInt32() == test.MetadataToken))
            {
                open.Push(method);
            }
        }

        var found = new TestBody(false, false, false);
        while (open.TryPop(out var method))
        {
            if (!seen.Add(method)) continue;
            if (method.HasBody && method.Body.Instructions.SelectMany(instruction => NamedBy(instruction.Operand)).Any(IsOfTheProduct))
            {
                found = found with { UsesTheProduct = true };
            }

            foreach (var called in CalledBy(method))
            {
                // Whoever waits in vain fails as well.
                if (called.DeclaringType.FullName == typeof(Eventually).FullName) found = found with { Asserts = true };
                if (called.DeclaringType is { Namespace: "Xunit", Name: "Assert" })
                {
                    found = called.Name.StartsWith("Skip", StringComparison.Ordinal) ? found with { MaySkip = true } : found with { Asserts = true };
                }

                if (Namespace(called.DeclaringType).StartsWith(Tests, StringComparison.Ordinal) && called.Resolve() is { } next) open.Push(next);
            }
        }

        return found;
    }

    private static IEnumerable<TypeReference> NamedBy(object? operand) => operand switch
    {
        GenericInstanceMethod generic => [generic.DeclaringType, .. generic.GenericArguments],
        TypeReference type => [type],
        MemberReference member => [member.DeclaringType],
        _ => [],
    };

    /// <summary>Or a process: the product as people start it.</summary>
    private static bool IsOfTheProduct(TypeReference type) => type.FullName == "System.Diagnostics.Process"
        || (Namespace(type) is var name && name.StartsWith(Product, StringComparison.Ordinal) && !name.StartsWith(Tests, StringComparison.Ordinal));

    private static string Namespace(TypeReference type) => type.DeclaringType is { } outer ? Namespace(outer) : type.Namespace;

    private static IEnumerable<MethodReference> CalledBy(MethodDefinition method)
    {
        // The body of an async method or an iterator is in a type of its own.
        foreach (var machine in method.CustomAttributes.Where(
            attribute => attribute.AttributeType.Name.EndsWith("StateMachineAttribute", StringComparison.Ordinal)))
        {
            foreach (var part in ((TypeReference)machine.ConstructorArguments[0].Value).Resolve().Methods) yield return part;
        }

        if (!method.HasBody) yield break;
        foreach (var called in method.Body.Instructions.Select(instruction => instruction.Operand).OfType<MethodReference>())
        {
            yield return called.GetElementMethod();

            // What a child process does is named by its type.
            foreach (var type in called is GenericInstanceMethod generic ? generic.GenericArguments : [])
            {
                foreach (var run in type.Resolve()?.Methods.Where(one => one.Name == "Run") ?? []) yield return run;
            }
        }
    }
}
