using Managed.Proxy.Configuration.ShortForms;

namespace Managed.Proxy.Configuration.Envoy;

/// <summary>Envoy lets items of a list share a name, or have none; here each has one of its own, by which the API finds it.</summary>
internal sealed class EnvoyNames(IEnumerable<ConfigObject> items)
{
    private readonly HashSet<string> _taken = items.Select(i => i.Text("name")).OfType<string>().ToHashSet();
    private readonly Dictionary<string, int> _last = [];

    /// <summary>The name, or the first of <c>NAME-2</c>, <c>NAME-3</c> that is free; taken from now on.</summary>
    private string Free(string name)
    {
        if (_taken.Add(name))
            return name;
        for (var i = _last.GetValueOrDefault(name, 1) + 1; ; i++)
            if (_taken.Add($"{name}-{i}"))
            {
                _last[name] = i;
                return $"{name}-{i}";
            }
    }

    /// <summary>For an item that has no name.</summary>
    public void Give(ConfigObject item, string wanted)
    {
        item.Remove("name");
        item.InsertFirst("name", ConfigScalar.String(Free(wanted), item.Origin));
    }

    /// <summary>The second <c>x</c> becomes <c>x-2</c>, with a note.</summary>
    /// <param name="extension">Of items that may say what they are by their names alone: they say it by their types then.</param>
    /// <returns>The items with new names and the names they had, in their order.</returns>
    public static List<(ConfigObject Item, string Given)> Distinct(IReadOnlyList<ConfigObject> items, string kind, ConfigErrors notes,
        ExtensionKind? extension = null)
    {
        var renamed = new List<(ConfigObject, string)>();
        var names = new EnvoyNames(items);
        var seen = new HashSet<string>();
        foreach (var item in items)
        {
            if (item.Text("name") is not { Length: > 0 } name || seen.Add(name))
                continue;
            var free = names.Free(name);
            notes.WarningAt(item, "name", ConfigCode.DuplicateName, $"there is a {kind} '{name}' already: this one is called '{free}'");
            if (extension is { } of && !item.Has("typed_config") && ExtensionNames.Find(of, name) is { } known)
                item.Set("typed_config", new ConfigObject(item.Origin)
                    .Set("@type", ConfigScalar.String(ExtensionNames.TypeUrlPrefix + known.TypeName, item.Origin)));
            item.Set("name", ConfigScalar.String(free, item["name"]!.Origin));
            renamed.Add((item, name));
        }
        return renamed;
    }
}
