using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Documents;

/// <summary>A place that two changes of one document both touch, each in another way.</summary>
/// <param name="Pointer">Items of lists by their names where they have names, as JSON patches of this API may say them.</param>
/// <param name="Where">The same place by names: <c>listeners[edge].routes[api].route.timeout</c>.</param>
/// <param name="Kind">The resource it is in: <c>listener</c>; null outside of resources.</param>
/// <param name="Name">The name of that resource.</param>
/// <param name="Base">What both began with; null: nothing was there.</param>
/// <param name="Theirs">What the one made of it; null: it took it away.</param>
/// <param name="Yours">What the other made of it; null: it took it away.</param>
internal sealed record MergeConflict(string Pointer, string Where, string? Kind, string? Name, ConfigNode? Base, ConfigNode? Theirs,
    ConfigNode? Yours);

/// <summary>
/// Two changes of one document made into one: what only one of them touches is taken from it, place by place. List items are matched by
/// <c>name</c> where all items of all three lists have distinct names; other lists by their longest common part (<see cref="ListMerge"/>).
/// A place that both touch is a conflict.
/// </summary>
internal sealed class ThreeWayMerge
{
    private readonly List<MergeConflict> _conflicts = [];
    private readonly bool _yoursWin;

    private ThreeWayMerge(bool yoursWin) => _yoursWin = yoursWin;

    /// <summary>Takes the change from one document to another back out of a third: the rest of the third stays.</summary>
    /// <param name="before">Before the change.</param>
    /// <param name="after">After the change.</param>
    /// <param name="now">What became of it since.</param>
    /// <param name="overlapsToo">What happens at conflicts: false leaves what became of them since, true puts back what was before.</param>
    public static (ConfigObject Document, IReadOnlyList<MergeConflict> Conflicts) TakeBack(ConfigObject before, ConfigObject after,
        ConfigObject now, bool overlapsToo)
    {
        var merge = new ThreeWayMerge(overlapsToo);
        // Of copies: a look-up may rename a member in place, and "now" is what every call reads.
        var merged = merge.Objects(after.Clone(), now.Clone(), before.Clone(), "", "");
        return (merged.Clone(), merge._conflicts);
    }

    /// <param name="origin">What both began with; null when it is not there, as with the others and the result.</param>
    private ConfigNode? Merge(ConfigNode? origin, ConfigNode? theirs, ConfigNode? yours, string path, string where)
    {
        if (Same(origin, yours) || Same(theirs, yours))
            return Same(origin, theirs) && yours is not null ? Said(origin!, theirs!, yours) : theirs;
        if (Same(origin, theirs))
            return yours;
        return (origin, theirs, yours) switch
        {
            (ConfigObject o, ConfigObject t, ConfigObject y) when t.Text("@type") == y.Text("@type") => Objects(o, t, y, path, where),
            (ConfigArray o, ConfigArray t, ConfigArray y) when HasNames(o) && HasNames(t) && HasNames(y) => Named(o, t, y, path, where),
            (ConfigArray o, ConfigArray t, ConfigArray y) =>
                ListMerge.Of(o, t, y, (a, b, c, at) => Item(a, b, c, $"{path}/{at}", $"{where}[{at}]")),
            _ => Clash(origin, theirs, yours, path, where),
        };
    }

    /// <summary>Of three nodes of the same content, what is said beside them in comments. Where both changed it, theirs stays.</summary>
    private static ConfigNode Said(ConfigNode origin, ConfigNode theirs, ConfigNode yours)
    {
        var said = ConfigComments.Within(origin);
        if (said == ConfigComments.Within(yours))
            return theirs;
        if (said == ConfigComments.Within(theirs))
            return yours;
        if (origin is ConfigObject from && theirs is ConfigObject now && yours is ConfigObject to)
            return now.Names.Aggregate(new ConfigObject(now.Origin), (all, n) => all.Set(n, Said(from[n]!, now[n]!, to[n]!)));
        if (origin is ConfigArray items && theirs is ConfigArray others && yours is ConfigArray mine)
            return Enumerable.Range(0, items.Count)
                .Aggregate(new ConfigArray(others.Origin), (all, i) => all.Add(Said(items[i], others[i], mine[i])));
        return theirs;
    }

    private ConfigObject Objects(ConfigObject origin, ConfigObject theirs, ConfigObject yours, string path, string where)
    {
        var merged = new ConfigObject(theirs.Origin);
        foreach (var name in Interleaved([.. theirs.Names], [.. yours.Names]))
            if (Merge(origin[name], theirs[name], yours[name], $"{path}/{StructuralDiff.Escape(name)}",
                StructuralDiff.Dotted(where, name)) is { } value)
                merged.Set(name, value);
        return merged;
    }

    private ConfigArray Named(ConfigArray origin, ConfigArray theirs, ConfigArray yours, string path, string where)
    {
        var (o, t, y) = (ByName(origin), ByName(theirs), ByName(yours));
        var moved = (Theirs: !SameOrder(o, t), Yours: !SameOrder(o, y));
        var yoursLead = moved.Yours && (!moved.Theirs || _yoursWin);
        if (moved is (true, true) && !SameOrder(t, y))
            Add(path, where, NameList(origin), NameList(theirs), NameList(yours));
        var merged = new ConfigArray(theirs.Origin);
        foreach (var name in yoursLead ? Interleaved(y.Keys, t.Keys) : Interleaved(t.Keys, y.Keys))
            if (Merge(o.GetValueOrDefault(name), t.GetValueOrDefault(name), y.GetValueOrDefault(name),
                $"{path}/{StructuralDiff.Escape(name)}", $"{where}[{name}]") is { } item)
                merged.Add(item);
        return merged;
    }

    /// <summary>
    /// All names in the order of <paramref name="lead"/>; those that only the other has go behind what is before them there.
    /// </summary>
    private static IEnumerable<string> Interleaved(ICollection<string> lead, ICollection<string> other)
    {
        var known = lead.ToHashSet(StringComparer.Ordinal);
        var first = new List<string>();
        var behind = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        var followers = first;
        foreach (var name in other)
            if (!known.Contains(name))
                followers.Add(name);
            else
                behind[name] = followers = [];
        return first.Concat(lead.SelectMany(n => behind.TryGetValue(n, out var more) ? more.Prepend(n) : [n]));
    }

    /// <summary>One part of a list that both sides changed.</summary>
    private IEnumerable<ConfigNode> Item(IReadOnlyList<ConfigNode> origin, IReadOnlyList<ConfigNode> theirs,
        IReadOnlyList<ConfigNode> yours, string path, string where)
    {
        if (origin is [ConfigObject o] && theirs is [ConfigObject t] && yours is [ConfigObject y])
            return Merge(o, t, y, path, where) is { } merged ? [merged] : [];
        Add(path, where, Part(origin), Part(theirs), Part(yours));
        return _yoursWin ? yours : theirs;
    }

    private ConfigNode? Clash(ConfigNode? origin, ConfigNode? theirs, ConfigNode? yours, string path, string where)
    {
        Add(path, where, origin, theirs, yours);
        return _yoursWin ? yours : theirs;
    }

    private void Add(string path, string where, ConfigNode? origin, ConfigNode? theirs, ConfigNode? yours)
    {
        var (kind, name) = DiffOperation.ResourceOf(where);
        _conflicts.Add(new("#" + path, where, kind, name, origin, theirs, yours));
    }

    private static ConfigNode? Part(IReadOnlyList<ConfigNode> items)
        => items switch { [] => null, [var one] => one, _ => items.Aggregate(new ConfigArray(), (all, i) => all.Add(i)) };

    private static bool Same(ConfigNode? a, ConfigNode? b) => a is null ? b is null : a.SameAs(b);

    private static bool SameOrder(OrderedDictionary<string, ConfigNode> a, OrderedDictionary<string, ConfigNode> b)
        => a.Keys.Where(b.ContainsKey).SequenceEqual(b.Keys.Where(a.ContainsKey));

    private static ConfigArray NameList(ConfigArray items)
        => items.Aggregate(new ConfigArray(), (all, i) => all.Add(((ConfigObject)i)["name"]!));

    private static OrderedDictionary<string, ConfigNode> ByName(ConfigArray items)
    {
        var all = new OrderedDictionary<string, ConfigNode>(StringComparer.Ordinal);
        foreach (var item in items)
            all.Add(((ConfigObject)item).Text("name")!, item);
        return all;
    }

    private static bool HasNames(ConfigArray items) => StructuralDiff.HasNames(items);
}
