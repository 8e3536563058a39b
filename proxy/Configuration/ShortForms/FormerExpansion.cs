namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>
/// A former document with its long form, of which resources may stand in that of another document: those that both documents share, where
/// nothing else that their long form depends on has changed.
/// </summary>
/// <param name="Expanded">Made without a warning; sealed.</param>
public sealed record FormerExpansion(ConfigObject Document, ConfigObject Expanded)
{
    private static readonly HashSet<string> Lists = new(StringComparer.Ordinal) { "listeners", "route_configurations", "clusters" };

    /// <summary>A document that may be changed, but for the resources in it that are in the long form already; those are sealed.</summary>
    internal ConfigObject Begin(ConfigObject document)
    {
        if (!SameRest(document, Document))
            return document.Clone();
        bool sameListeners = Same(document, "listeners"), sameTables = Same(document, "route_configurations");
        return Begin(document, Document, sameListeners && sameTables);
    }

    private ConfigObject Begin(ConfigObject given, ConfigObject former, bool sameFilters)
    {
        var root = new ConfigObject(given.Origin) { Notes = given.Notes };
        foreach (var member in given.Members)
        {
            ConfigNode? made = null;
            if (Lists.Contains(member.Key) && member.Value is ConfigArray list && former.Spelled(member.Key) is ConfigArray before
                && Expanded.Spelled(member.Key) is ConfigArray expanded)
                made = Items(list, before, expanded, sameFilters);
            else if (member.Key == "static_resources" && member.Value is ConfigObject wrapped && former.Object(member.Key) is { } formerly)
                made = Begin(wrapped, formerly, sameFilters);
            root.TryAdd(member with { Value = made ?? member.Value.Clone() });
        }
        return root;
    }

    private static ConfigArray Items(ConfigArray given, ConfigArray former, ConfigArray expanded, bool sameFilters)
    {
        var items = new ConfigArray(given.Origin);
        for (int i = 0; i < given.Count; i++)
            items.Add(i < former.Count && i < expanded.Count && ReferenceEquals(given[i], former[i]) && expanded[i].IsSealed
                && !given[i].MayMention(sameFilters ? ConfigMention.GrpcTargets : ConfigMention.GrpcTargets | ConfigMention.RouteFilters)
                ? expanded[i] : given[i].Clone());
        return items;
    }

    // Shared filters, secrets, and whatever else a document has beside the lists.
    private static bool SameRest(ConfigObject given, ConfigObject former)
    {
        if (given.Count != former.Count) return false;
        foreach (var (key, value) in given.Members)
            if (!Lists.Contains(key) && (former.Spelled(key) is not { } before
                || (key == "static_resources" && value is ConfigObject wrapped && before is ConfigObject other
                    ? !SameRest(wrapped, other) : !ReferenceEquals(value, before)))) return false;
        return true;
    }

    // What the filters of routes are called, and are, is found in all listeners.
    private bool Same(ConfigObject document, string list)
    {
        var (now, before) = (ListOf(document, list), ListOf(Document, list));
        return now?.Count == before?.Count && (now is null || !now.Where((item, i) => !ReferenceEquals(item, before![i])).Any());
    }

    private static ConfigArray? ListOf(ConfigObject document, string list) =>
        document.Array(list) ?? document.Object("static_resources")?.Array(list);
}
