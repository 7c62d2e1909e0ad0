using Mono.Cecil;
using Serverless.Tests.Support;

namespace Serverless.Tests.Structure;

/// <summary>What types of a compiled assembly use, by every way in which one type can name another.</summary>
static class References
{
    /// <summary>Each top-level type with a type that it uses, each pair once.</summary>
    public static IEnumerable<(TypeDefinition From, TypeReference To)> Of(ModuleDefinition module) =>
        module.Types.SelectMany(type => UsedBy(type).Select(Outermost).DistinctBy(used => used.FullName).Select(used => (type, used)));

    private static IEnumerable<TypeReference> UsedBy(TypeDefinition type) =>
    [
        .. Parts(type.BaseType), .. type.Interfaces.SelectMany(one => Parts(one.InterfaceType)), .. Attributes(type),
        .. type.Fields.SelectMany(field => Parts(field.FieldType).Concat(Attributes(field))),
        .. type.Properties.SelectMany(Attributes), .. type.Methods.SelectMany(UsedBy), .. type.NestedTypes.SelectMany(UsedBy),
    ];

    private static IEnumerable<TypeReference> UsedBy(MethodDefinition method) =>
    [
        .. Parts(method.ReturnType), .. method.Parameters.SelectMany(one => Parts(one.ParameterType)), .. Attributes(method),
        .. method.GenericParameters.SelectMany(one => one.Constraints).SelectMany(one => Parts(one.ConstraintType)),
        .. !method.HasBody ? [] : method.Body.Variables.SelectMany(variable => Parts(variable.VariableType))
            .Concat(method.Body.Instructions.SelectMany(instruction => UsedBy(instruction.Operand))),
    ];

    private static IEnumerable<TypeReference> UsedBy(object? operand) => operand switch
    {
        GenericInstanceMethod method => [.. Member(method), .. method.GenericArguments.SelectMany(Parts)],
        MethodReference method => Member(method),
        FieldReference field => [.. Parts(field.DeclaringType), .. Parts(field.FieldType)],
        TypeReference type => Parts(type),
        _ => [],
    };

    private static IEnumerable<TypeReference> Member(MethodReference method) =>
        [.. Parts(method.DeclaringType), .. Parts(method.ReturnType), .. method.Parameters.SelectMany(one => Parts(one.ParameterType))];

    private static IEnumerable<TypeReference> Attributes(Mono.Cecil.ICustomAttributeProvider of) => of.CustomAttributes.SelectMany(attribute =>
        Parts(attribute.AttributeType).Concat(
            attribute.ConstructorArguments.Select(argument => argument.Value).OfType<TypeReference>().SelectMany(Parts)));

    /// <summary>An assembly of this repository, by name.</summary>
    public static ModuleDefinition Read(string assembly) => ModuleDefinition.ReadModule(
        assembly == "exp" ? BuiltPrograms.PathOf("cli", "exp.dll") : Path.Combine(AppContext.BaseDirectory, $"{assembly}.dll"));

    // List<Run[]> uses List, and Run.
    private static IEnumerable<TypeReference> Parts(TypeReference? type) => type switch
    {
        null or GenericParameter => [],
        GenericInstanceType generic => [.. Parts(generic.ElementType), .. generic.GenericArguments.SelectMany(Parts)],
        TypeSpecification around => Parts(around.ElementType),
        _ => [type],
    };

    private static TypeReference Outermost(TypeReference type) => type.DeclaringType is { } outer ? Outermost(outer) : type;
}
