using System.Collections.Frozen;

namespace Serverless.Core.Storage;

/// <summary>What records of one type must be, beyond their shape. It is found by that type: no reader and no writer can forget it.</summary>
interface IRecordRule<in T>
{
    /// <summary>Why this cannot be the record that is stored under <paramref name="key"/>; null: it can.</summary>
    string? Problem(T record, string key);
}

static class RecordRules
{
    private static readonly FrozenDictionary<Type, object> ByType =
        (from rule in typeof(RecordRules).Assembly.GetTypes()
         where rule.IsClass
         from of in rule.GetInterfaces()
         where of.IsGenericType && of.GetGenericTypeDefinition() == typeof(IRecordRule<>)
         select KeyValuePair.Create(of.GenericTypeArguments[0], Activator.CreateInstance(rule)!)).ToFrozenDictionary();

    /// <summary>Null: a record that has the type's shape is one.</summary>
    public static IRecordRule<T>? Of<T>() => (IRecordRule<T>?)ByType.GetValueOrDefault(typeof(T));
}
