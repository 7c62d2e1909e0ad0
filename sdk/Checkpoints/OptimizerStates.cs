using System.Globalization;
using System.Reflection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Serverless.Checkpoints;

/// <summary>
/// An optimizer's state as tensors and texts: <c>state.{parameter}.{member}</c> for what it keeps of each parameter, in the order of its groups, and
/// <c>options.{group}.{member}</c> for each group's settings. TorchSharp keeps both in public members, the same way in every optimizer.
/// </summary>
internal static class OptimizerStates
{
    private const string TypeKey = "type";
    private static readonly Dictionary<Type, Member[]> MembersOf = [];

    private sealed record Member(string Name, Type Type, Func<object, object?> Get, Action<object, object?> Set);

    public static void Collect(optim.Optimizer optimizer, string prefix, Dictionary<string, Tensor> tensors, Dictionary<string, string> texts)
    {
        texts[prefix + TypeKey] = optimizer.GetType().Name;
        foreach (var (key, holder) in Holders(optimizer))
        {
            foreach (var member in Members(holder.GetType()))
            {
                var name = $"{prefix}{key}.{member.Name}";
                switch (member.Get(holder))
                {
                    case null: break;
                    case Tensor tensor: tensors[name] = tensor; break;
                    case { } value: texts[name] = Convert.ToString(value, CultureInfo.InvariantCulture)!; break;
                }
            }
        }
    }

    /// <exception cref="InvalidDataException">The file is of another optimizer.</exception>
    public static void Restore(optim.Optimizer optimizer, string prefix, Weights.SafeTensorsFile file)
    {
        var texts = file.Header.Metadata;
        var saved = texts.GetValueOrDefault(prefix + TypeKey);
        if (saved != optimizer.GetType().Name)
        {
            throw new InvalidDataException($"the checkpoint's optimizer is {saved ?? "missing"}, and the one to fill is {optimizer.GetType().Name}");
        }

        var holders = Holders(optimizer).ToList();
        var states = holders.Select(h => h.Key).ToHashSet();
        var left = file.Header.Entries.Select(e => e.Name).FirstOrDefault(
            n => n.StartsWith(prefix + "state.", StringComparison.Ordinal) && !states.Contains(n[prefix.Length..n.LastIndexOf('.')]));
        if (left is not null) throw new InvalidDataException($"the checkpoint's optimizer has more parameters than the one to fill ({left})");
        foreach (var (key, holder) in holders)
        {
            foreach (var member in Members(holder.GetType()))
            {
                var name = $"{prefix}{key}.{member.Name}";
                if (member.Type == typeof(Tensor)) RestoreTensor(file, name, holder, member);
                else member.Set(holder, texts.TryGetValue(name, out var text) ? Parsed(text, member.Type) : null);
            }
        }
    }

    private static void RestoreTensor(Weights.SafeTensorsFile file, string name, object holder, Member member)
    {
        var tensor = (Tensor?)member.Get(holder);
        if (!file.Has(name))
        {
            tensor?.Dispose();
            member.Set(holder, null);
        }
        else if (tensor is not null)
        {
            file.ReadInto(name, tensor);
        }
        else
        {
            // Made by the first step in an uninterrupted run (SGD's momentum): on the device of
            // the parameters, which step() moves it to when they differ.
            member.Set(holder, file.Read(name).DetachFromDisposeScope());
        }
    }

    private static IEnumerable<(string Key, object Holder)> Holders(optim.Optimizer optimizer)
    {
        if (optimizer is not OptimizerHelper helper)
            throw new NotSupportedException(
                $"{optimizer.GetType().Name} does not show its state; checkpoints hold the state of TorchSharp's managed optimizers (Adam, AdamW, " +
                "SGD, RMSprop, …)");
        var state = helper.state_dict();
        return state.Options.Select((o, i) => ($"options.{i}", (object)o)).Concat(state.State.Select((s, i) => ($"state.{i}", (object)s)));
    }

    private static Member[] Members(Type type)
    {
        lock (MembersOf)
        {
            if (MembersOf.TryGetValue(type, out var members)) return members;
            const BindingFlags Public = BindingFlags.Public | BindingFlags.Instance;
            members =
            [
                .. type.GetFields(Public).Select(f => new Member(f.Name, f.FieldType, f.GetValue, f.SetValue)),
                .. type.GetProperties(Public).Where(p => p is { CanRead: true, CanWrite: true })
                    .Select(p => new Member(p.Name, p.PropertyType, p.GetValue, p.SetValue)),
            ];
            foreach (var member in members)
            {
                if (member.Type != typeof(Tensor) && !IsNumber(Plain(member.Type)))
                    throw new NotSupportedException(
                        $"{type.DeclaringType?.Name}.{type.Name}.{member.Name} is a {member.Type.Name}, which a checkpoint cannot hold");
            }

            return MembersOf[type] = members;
        }
    }

    private static Type Plain(Type type) => Nullable.GetUnderlyingType(type) ?? type;

    private static bool IsNumber(Type type) => type.IsPrimitive;

    // Text and back is exact: .NET writes the shortest text that reads back as the same double.
    private static object Parsed(string text, Type type) => Convert.ChangeType(text, Plain(type), CultureInfo.InvariantCulture);
}
