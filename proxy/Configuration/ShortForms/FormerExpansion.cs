namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>
/// A former document with its long form, of which resources may stand in that of another document: those that both documents share, where
/// nothing else that their long form depends on has changed.
/// </summary>
/// <param name="Expanded">Made without a warning; sealed.</param>
public sealed record FormerExpansion(ConfigObject Document, ConfigObject Expanded)
{
    private static readonly HashSet<string> Lists =
        new(StringComparer.Ordinal) { "listeners", "route_configurations", "clusters", "secrets" };

    /// <summary>A document that may be changed, but for the resources in it that are in the long form already; those are sealed.</summary>
    internal ConfigObject Begin(ConfigObject document)
    {
        if (!SameRest(document, Document))
            return document.Clone();
        var changeable = ConfigMention.GrpcTargets;
        if (!Same(document, "listeners") || !Same(document, "route_configurations")) changeable |= ConfigMention.RouteFilters;
        if (!Same(document, "secrets")) changeable |= ConfigMention.SecretNames;
        return Begin(document, Document, changeable);
    }

    private ConfigObject Begin(ConfigObject given, ConfigObject former, ConfigMention changeable)
    {
        var root = new ConfigObject(given.Origin) { Notes = given.Notes };
        foreach (var member in given.Members)
        {
            ConfigNode? made = null;
            if (Lists.Contains(member.Key) && member.Value is ConfigArray list && former.Spelled(member.Key) is ConfigArray before
                && Expanded.Spelled(member.Key) is ConfigArray expanded)
                made = Items(list, before, expanded, member.Key == "secrets" ? ConfigMention.None : changeable);
            else if (member.Key == "static_resources" && member.Value is ConfigObject wrapped && former.Object(member.Key) is { } formerly)
                made = Begin(wrapped, formerly, changeable);
            root.TryAdd(member with { Value = made ?? member.Value.Clone() });
        }
        return root;
    }

    /// <param name="changeable">What is looked up elsewhere, where something may be another by now.</param>
    private static ConfigArray Items(ConfigArray given, ConfigArray former, ConfigArray expanded, ConfigMention changeable)
    {
        var items = new ConfigArray(given.Origin);
        for (int i = 0; i < given.Count; i++)
            items.Add(i < former.Count && i < expanded.Count && ReferenceEquals(given[i], former[i]) && expanded[i].IsSealed
                && !given[i].MayMention(changeable) ? expanded[i] : given[i].Clone());
        return items;
    }

    // Shared filters, and whatever else a document has beside the lists.
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
