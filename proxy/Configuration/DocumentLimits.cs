namespace Managed.Proxy.Configuration;

/// <summary>How much a tree holds.</summary>
/// <param name="Bytes">Of its texts and names, about as JSON would write it.</param>
/// <param name="Nodes">Values, whatever their kind.</param>
/// <param name="Depth">1 for a scalar.</param>
public readonly record struct DocumentSize(long Bytes, long Nodes, int Depth)
{
    internal static DocumentSize Of(ConfigScalar scalar) => new(scalar.Text.Length + 2, 1, 1);

    /// <param name="extra">Bytes of a name and of what stands between.</param>
    internal DocumentSize With(DocumentSize child, int extra) =>
        new(Bytes + child.Bytes + extra, Nodes + child.Nodes, Math.Max(Depth, child.Depth + 1));
}

/// <summary>
/// What a document may be at most. Everything that walks a tree recurses, so no tree may come to be that is deeper: the parsers hold to
/// this, and whatever puts trees together (patches, pieces put into a document) asks <see cref="Measure"/> before it does.
/// </summary>
public static class DocumentLimits
{
    /// <summary>Far deeper than any configuration (the deepest of Envoy's examples has 30 levels).</summary>
    public const int MaxDepth = 64;

    /// <summary>Values in one document: some fifty thousand clusters.</summary>
    public const int MaxNodes = 1_000_000;

    /// <summary>16 MiB, that of a body.</summary>
    public const long MaxBytes = 16L << 20;

    /// <summary>Walks the tree, which may be deeper than allowed by a few levels.</summary>
    public static DocumentSize Measure(ConfigNode node)
    {
        if (node.KnownSize is { } known)
            return known;
        switch (node)
        {
            case ConfigObject o:
                DocumentSize all = new(2, 1, 1);
                for (var i = 0; i < o.Members.Count; i++)
                    all = all.With(Measure(o.Members[i].Value), o.Members[i].Key.Length + 4);
                return all;
            case ConfigArray a:
                DocumentSize items = new(2, 1, 1);
                for (var i = 0; i < a.Count; i++)
                    items = items.With(Measure(a[i]), 1);
                return items;
            default:
                return DocumentSize.Of((ConfigScalar)node);
        }
    }

    /// <summary>The pointer of the first node below the deepest level that is allowed; null when there is none.</summary>
    public static string? TooDeep(ConfigNode document) => TooDeep(document, ConfigPath.Root, 1);

    private static string? TooDeep(ConfigNode node, ConfigPath path, int depth)
    {
        if (depth > MaxDepth)
            return path.ToString();
        if (node is ConfigObject o)
        {
            foreach (var (name, value) in o.Members)
                if (TooDeep(value, path.Child(name), depth + 1) is { } found)
                    return found;
        }
        else if (node is ConfigArray a)
        {
            for (var i = 0; i < a.Count; i++)
                if (TooDeep(a[i], path.Child(i), depth + 1) is { } found)
                    return found;
        }
        return null;
    }
}
