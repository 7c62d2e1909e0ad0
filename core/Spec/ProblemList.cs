using System.Collections.ObjectModel;

namespace Serverless.Core.Spec;

/// <summary>
/// What is wrong with something, as it is found. However much that is, the list stays small: it
/// is answered, stored and printed. The first <see cref="Most"/>
/// are kept; then one more says how many there were.
/// </summary>
public sealed class ProblemList : Collection<Problem>
{
    public const int Most = 100;

    public void AddRange(IEnumerable<Problem> problems)
    {
        foreach (var problem in problems) Add(problem);
    }

    protected override void InsertItem(int index, Problem item)
    {
        if (Count < Most) base.InsertItem(index, item);
        else if (Count == Most) base.InsertItem(Most, Problem.Further(item.Count));
        else base.SetItem(Most, Problem.Further(this[Most].Count + item.Count));
    }
}
