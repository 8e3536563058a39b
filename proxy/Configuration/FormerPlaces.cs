namespace Managed.Proxy.Configuration;

/// <summary>A warning at a node, or at a field of it; where there is no node, with its place.</summary>
/// <param name="Error">With the place that the node had when it was noted.</param>
internal sealed record ConfigNote(ConfigNode? Node, string? Field, ConfigError Error);

/// <summary>
/// Parts of a former document that stand for their copies in this one: what is said of a node of theirs belongs to the node at the same
/// place of the copy.
/// </summary>
internal sealed class FormerPlaces
{
    private readonly List<(object Part, ConfigNode Now)> _parts = [];

    /// <summary>The nodes that a part and those within it were made of, the outer ones first, each with its copy.</summary>
    public Func<object, ConfigNode, IEnumerable<(ConfigNode Former, ConfigNode Now)>>? NodesOf { get; set; }

    public void StandsFor(object part, ConfigNode now) => _parts.Add((part, now));

    /// <summary>The warnings with their places in this document. Costs nothing where there is none.</summary>
    public IEnumerable<ConfigError> Locate(IReadOnlyList<ConfigNote> notes)
    {
        if (_parts.Count == 0 || notes.Count == 0)
            return notes.Select(n => n.Error);
        var now = Now(notes.Select(n => n.Node).OfType<ConfigNode>());
        return notes.Select(n =>
        {
            if (n.Node is null || !now.TryGetValue(n.Node, out var node))
                return n.Error;
            var origin = n.Field is null ? node.Origin : ConfigErrors.FieldOrigin(node, n.Field);
            return n.Error with { Pointer = origin.Path.ToString(), Line = origin.Line, Column = origin.Column, Source = origin.Source };
        });
    }

    /// <summary>For each node of a former document the one that it stands for.</summary>
    private Dictionary<ConfigNode, ConfigNode> Now(IEnumerable<ConfigNode> nodes)
    {
        var sought = new Dictionary<ConfigNode, List<ConfigNode>>(ReferenceEqualityComparer.Instance);
        foreach (var node in nodes)
            sought.TryAdd(node, [node]);
        var found = new Dictionary<ConfigNode, ConfigNode>(ReferenceEqualityComparer.Instance);
        // A part that was bound later may lie within one that was bound before and stands for another itself.
        for (var i = _parts.Count - 1; i >= 0; i--)
            foreach (var (former, copy) in NodesOf!(_parts[i].Part, _parts[i].Now).Reverse())
                Walk(former, copy);
        return found;

        void Walk(ConfigNode former, ConfigNode copy)
        {
            if (ReferenceEquals(former, copy))
                return;
            if (sought.Remove(former, out var originals))
            {
                foreach (var original in originals)
                    found[original] = copy;
                if (!sought.TryAdd(copy, originals))
                    sought[copy].AddRange(originals);
            }
            if (former is ConfigObject o && copy is ConfigObject other)
                for (var i = 0; i < o.Members.Count; i++)
                    Walk(o.Members[i].Value, other.Members[i].Value);
            else if (former is ConfigArray array && copy is ConfigArray items)
                for (var i = 0; i < array.Count; i++)
                    Walk(array[i], items[i]);
        }
    }
}
