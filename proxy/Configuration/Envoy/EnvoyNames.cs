namespace Managed.Proxy.Configuration.Envoy;

/// <summary>Envoy lets items of a list share a name; here each has one of its own, by which the API finds it.</summary>
internal static class EnvoyNames
{
    public static void Give(ConfigObject item, string name)
    {
        item.Remove("name");
        item.InsertFirst("name", ConfigScalar.String(name, item.Origin));
    }

    /// <summary>The second <c>x</c> becomes <c>x-2</c>, with a note.</summary>
    /// <returns>New names with the old ones, in their order.</returns>
    public static List<(string Name, string Given)> Distinct(IReadOnlyList<ConfigObject> items, string kind, ConfigErrors notes)
    {
        var renamed = new List<(string, string)>();
        var names = items.Select(i => i.Text("name")).OfType<string>().ToHashSet();
        var seen = new HashSet<string>();
        foreach (var item in items)
        {
            if (item.Text("name") is not { Length: > 0 } name || seen.Add(name))
                continue;
            var free = name;
            for (var i = 2; names.Contains(free); i++)
                free = $"{name}-{i}";
            names.Add(free);
            notes.WarningAt(item, "name", ConfigCode.DuplicateName, $"a {kind} '{name}' is there already: this one is called '{free}'");
            item.Set("name", ConfigScalar.String(free, item["name"]!.Origin));
            renamed.Add((free, name));
        }
        return renamed;
    }
}
