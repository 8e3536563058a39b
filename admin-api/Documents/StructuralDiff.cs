using System.Text.Json.Serialization;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Documents;

/// <summary>One step of a diff.</summary>
/// <param name="Op">add, remove, replace or move.</param>
/// <param name="Pointer">Into the document, as a URI fragment.</param>
/// <param name="Where">The same place by names: <c>listeners[edge].routes[api].route.timeout</c>.</param>
/// <param name="Kind">The resource it is in: <c>listener</c>; null outside of resources.</param>
/// <param name="Name">The name of that resource.</param>
/// <param name="From">The former value; of a move the former pointer.</param>
/// <param name="To">The new value.</param>
internal sealed record DiffOperation(
    string Op,
    string Pointer,
    string Where,
    string? Kind,
    string? Name,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ConfigNode? From,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ConfigNode? To)
{
    public static DiffOperation At(string op, string path, string where, ConfigNode? from, ConfigNode? to)
    {
        var (kind, name) = ResourceOf(where);
        return new(op, "#" + path, where, kind, name, from, to);
    }

    /// <summary>
    /// Kind and name of the resource that a place by names is in; null outside of resources, the name also for a whole collection.
    /// </summary>
    public static (string? Kind, string? Name) ResourceOf(string where)
    {
        var list = TopLevelList.All.FirstOrDefault(l => where == l.Collection
            || where.StartsWith(l.Collection + "[", StringComparison.Ordinal)
                || where.StartsWith(l.Collection + ".", StringComparison.Ordinal));
        var open = where.IndexOf('[');
        var close = open < 0 ? -1 : where.IndexOf(']', open);
        return (list?.Kind, list is null || close < 0 ? null : where[(open + 1)..close]);
    }
}

/// <summary>
/// What turns one document into another. List items are matched by <c>name</c> where all items of both lists have distinct names,
/// else by position after the common beginning and end. Applied in order, the operations lead from the one to the other, as those of a JSON
/// patch do (RFC 6902).
/// </summary>
internal sealed class StructuralDiff
{
    /// <summary>More operations tell nobody anything, and cost more than the documents.</summary>
    public const int MaxOperations = 20_000;

    // Looks at items on the way; lists of many thousands in another order take the square of their length.
    private const long MaxSteps = 20_000_000;

    private long _steps;
    private bool _tooMuch;

    private StructuralDiff()
    {
    }

    /// <summary>Where there is too much to tell, members of the root are replaced as wholes.</summary>
    public static IReadOnlyList<DiffOperation> Between(ConfigNode from, ConfigNode to)
    {
        var operations = new List<DiffOperation>();
        var diff = new StructuralDiff();
        diff.Compare(from, to, "", "", operations);
        if (!diff._tooMuch)
            return operations;
        operations.Clear();
        if (from is ConfigObject a && to is ConfigObject b)
            diff.CompareObjects(a, b, "", "", operations, (former, value, path, where) =>
            {
                if (!former.SameAs(value))
                    operations.Add(DiffOperation.At("replace", path, where, former, value));
            });
        return operations.Count is > 0 and <= MaxOperations ? operations : [DiffOperation.At("replace", "", "", from, to)];
    }

    private bool Stop(List<DiffOperation> operations, long steps)
        => _tooMuch |= (_steps += steps) > MaxSteps || operations.Count > MaxOperations;

    private void Compare(ConfigNode from, ConfigNode to, string path, string where, List<DiffOperation> operations)
    {
        if (Stop(operations, 1) || from.SameAs(to))
            return;
        if (from is ConfigObject a && to is ConfigObject b)
            CompareObjects(a, b, path, where, operations, (former, value, at, place) => Compare(former, value, at, place, operations));
        else if (from is ConfigArray x && to is ConfigArray y)
        {
            if (HasNames(x) && HasNames(y))
                CompareNamed(x, y, path, where, operations);
            else
                ComparePositions(x, y, path, where, operations);
        }
        else
            operations.Add(DiffOperation.At("replace", path, where, from, to));
    }

    private void CompareObjects(ConfigObject from, ConfigObject to, string path, string where, List<DiffOperation> operations,
        Action<ConfigNode, ConfigNode, string, string> compare)
    {
        foreach (var (name, value) in from.Members)
            if (!to.Has(name))
                operations.Add(DiffOperation.At("remove", $"{path}/{Escape(name)}", Dotted(where, name), value, null));
        foreach (var (name, value) in to.Members)
            if (from.TryGet(name, out var former))
                compare(former, value, $"{path}/{Escape(name)}", Dotted(where, name));
            else
                operations.Add(DiffOperation.At("add", $"{path}/{Escape(name)}", Dotted(where, name), null, value));
    }

    private void CompareNamed(ConfigArray from, ConfigArray to, string path, string where, List<DiffOperation> operations)
    {
        var kept = to.Cast<ConfigObject>().Select(NameOf).ToHashSet(StringComparer.Ordinal);
        for (var i = from.Count - 1; i >= 0; i--)
            if (from[i] is ConfigObject gone && !kept.Contains(NameOf(gone)))
                operations.Add(DiffOperation.At("remove", $"{path}/{i}", $"{where}[{NameOf(gone)}]", gone, null));
        var working = from.Cast<ConfigObject>().Where(i => kept.Contains(NameOf(i))).ToList();
        var known = working.Select(NameOf).ToHashSet(StringComparer.Ordinal);
        for (var i = 0; i < to.Count; i++)
        {
            var item = (ConfigObject)to[i];
            var name = NameOf(item);
            var at = known.Contains(name) ? working.FindIndex(i, w => NameOf(w) == name) : -1;
            if (Stop(operations, at < 0 ? (working.Count - i) / 64 : at - i))
                return;
            if (at < 0)
            {
                operations.Add(DiffOperation.At("add", $"{path}/{i}", $"{where}[{name}]", null, item));
                working.Insert(i, item);
                continue;
            }
            if (at > i)
            {
                operations.Add(DiffOperation.At("move", $"{path}/{i}", $"{where}[{name}]", ConfigScalar.String($"#{path}/{at}"), null));
                var moved = working[at];
                working.RemoveAt(at);
                working.Insert(i, moved);
            }
            Compare(working[i], item, $"{path}/{i}", $"{where}[{name}]", operations);
        }
    }

    private void ComparePositions(ConfigArray from, ConfigArray to, string path, string where, List<DiffOperation> operations)
    {
        int start = 0, tail = 0;
        if (from.Count != to.Count)
        {
            while (start < from.Count && start < to.Count && from[start].SameAs(to[start]))
                start++;
            while (tail < from.Count - start && tail < to.Count - start && from[^(tail + 1)].SameAs(to[^(tail + 1)]))
                tail++;
        }
        int fromEnd = from.Count - tail, toEnd = to.Count - tail, common = Math.Min(fromEnd, toEnd);
        for (var i = start; i < common; i++)
            Compare(from[i], to[i], $"{path}/{i}", $"{where}[{i}]", operations);
        for (var i = fromEnd - 1; i >= common; i--)
        {
            if (Stop(operations, 1))
                return;
            operations.Add(DiffOperation.At("remove", $"{path}/{i}", $"{where}[{i}]", from[i], null));
        }
        for (var i = common; i < toEnd && !Stop(operations, 1); i++)
            operations.Add(DiffOperation.At("add", $"{path}/{i}", $"{where}[{i}]", null, to[i]));
    }

    internal static bool HasNames(ConfigArray items)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        return items.All(i => i is ConfigObject o && o.Text("name") is { } name && seen.Add(name));
    }

    private static string NameOf(ConfigObject item) => item.Text("name")!;

    internal static string Dotted(string where, string name) => where.Length == 0 ? name : $"{where}.{name}";

    internal static string Escape(string segment)
        => segment.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
}
