namespace Managed.Proxy.Configuration;

/// <summary>Gives the nodes of a document that was put together from several texts places in the document itself.</summary>
public static class ConfigPlaces
{
    /// <summary>
    /// The same content, each node at its pointer in the document, without a line. What is the same at the same place of the former
    /// document is shared with it.
    /// </summary>
    /// <param name="document">Stays as it is.</param>
    /// <param name="former">A document whose places are its own; null: nothing is shared.</param>
    /// <param name="name">Of the source, where it is a new one.</param>
    /// <param name="comments">By the places in the document. Where they are not the former ones, nothing is shared.</param>
    public static ConfigObject Settle(ConfigObject document, ConfigObject? former, string name, ConfigComments? comments = null)
    {
        if (former is not null && ConfigComments.Same(comments, former.Source.Comments))
            return (ConfigObject)Settle(document, former, former.Source, ConfigPath.Root);
        return (ConfigObject)Settle(document, null, new(name) { TakesComments = true, Comments = comments }, ConfigPath.Root);
    }

    private static ConfigNode Settle(ConfigNode node, ConfigNode? former, ConfigSource source, ConfigPath path)
    {
        if (former is not null && former.IsCopyOf(node))
            return former;
        var origin = new ConfigOrigin(source, path, 0, 0);
        switch (node)
        {
            case ConfigObject o:
                var settled = new ConfigObject(origin);
                for (var i = 0; i < o.Members.Count; i++)
                {
                    var (key, value) = o.Members[i];
                    settled.TryAdd(new(key, Settle(value, (former as ConfigObject)?.Spelled(key), source, path.Child(key)), 0, 0));
                }
                return settled;
            case ConfigArray items:
                var array = new ConfigArray(origin);
                for (var i = 0; i < items.Count; i++)
                    array.Add(Settle(items[i], former is ConfigArray before && i < before.Count ? before[i] : null, source, path.Child(i)));
                return array;
            default:
                return ((ConfigScalar)node).At(origin);
        }
    }
}
