namespace Managed.Proxy.Configuration;

/// <summary>
/// The comments of a document that was put together from others: each node brings its own. What comes from a text that cannot have any,
/// such as JSON, takes over those of the same place of the former document: the member of that name, the item with the same <c>name</c>,
/// or else with the same content, or at the same index of a list as long.
/// </summary>
internal sealed class CommentCarry
{
    private readonly HashSet<NodeComments> _brought = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<NodeComments> _placed = new(ReferenceEqualityComparer.Instance);
    private readonly ConfigComments _result = new();
    private readonly Dictionary<ConfigArray, Dictionary<string, ConfigNode>> _byName = new(ReferenceEqualityComparer.Instance);

    private const int MostCompared = 500; // items without names, each with each

    /// <summary>Null where there are none.</summary>
    public static ConfigComments? Of(ConfigObject document, ConfigObject? former)
    {
        var carry = new CommentCarry();
        if (!carry.Look(document) && former?.Source.Comments is null)
            return null;
        carry.Place(document, former, ConfigPath.Root);
        return carry._result.Count == 0 ? null : carry._result;
    }

    /// <summary>Whether any node brings some.</summary>
    private bool Look(ConfigNode node)
    {
        if (ConfigComments.Of(node) is { } comments)
            _brought.Add(comments);
        if (node is ConfigObject o)
            for (var i = 0; i < o.Members.Count; i++)
                Look(o.Members[i].Value);
        else if (node is ConfigArray a)
            for (var i = 0; i < a.Count; i++)
                Look(a[i]);
        return _brought.Count > 0;
    }

    private void Place(ConfigNode node, ConfigNode? former, ConfigPath path)
    {
        var comments = ConfigComments.Of(node);
        if (comments is null && !node.Source.TakesComments && former is not null && ConfigComments.Of(former) is { } left
            && !_brought.Contains(left))
            comments = left;
        if (comments is not null && _placed.Add(comments))
            _result.Add(path, comments);
        if (node is ConfigObject o)
            foreach (var (name, value) in o.Members)
                Place(value, (former as ConfigObject)?.Spelled(name), path.Child(name));
        else if (node is ConfigArray items)
            for (var i = 0; i < items.Count; i++)
                Place(items[i], former is ConfigArray list ? Counterpart(items, i, list) : null, path.Child(i));
    }

    private ConfigNode? Counterpart(ConfigArray items, int index, ConfigArray former)
    {
        if (items[index] is ConfigObject named && named.Text("name") is { } name)
            return ByName(former).GetValueOrDefault(name);
        if (index < former.Count && (items.Count == former.Count || former[index].SameAs(items[index])))
            return former[index];
        return former.Count > MostCompared ? null : former.FirstOrDefault(f => f.SameAs(items[index]));
    }

    private Dictionary<string, ConfigNode> ByName(ConfigArray list)
    {
        if (_byName.TryGetValue(list, out var known))
            return known;
        var index = new Dictionary<string, ConfigNode>(StringComparer.Ordinal);
        foreach (var item in list)
            if (item is ConfigObject o && o.Text("name") is { } name)
                index.TryAdd(name, item);
        return _byName[list] = index;
    }
}
