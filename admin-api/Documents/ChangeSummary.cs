using System.Text.Json;
using Managed.AdminApi.Requests;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Documents;

/// <summary>The names of one kind of resource that a version added, changed and removed.</summary>
internal sealed record ResourceChanges(IReadOnlyList<string> Added, IReadOnlyList<string> Changed, IReadOnlyList<string> Removed);

/// <summary>How many resources a version added, changed and removed, and which.</summary>
internal sealed record ChangeSummary(int Added, int Changed, int Removed, IReadOnlyDictionary<string, ResourceChanges> Resources)
{
    /// <summary>A resource beside which other comments stand has changed, too.</summary>
    public static ChangeSummary Between(ConfigObject? from, ConfigObject to)
    {
        var resources = new Dictionary<string, ResourceChanges>();
        var sameComments = ConfigComments.Same(from?.Source.Comments, to.Source.Comments);
        foreach (var list in TopLevelList.All)
        {
            var before = Index(from is null ? new ConfigArray() : list.Read(from));
            var after = Index(list.Read(to));
            ResourceChanges changes = new(
                [.. after.Keys.Where(n => !before.ContainsKey(n))],
                [.. after.Where(a => before.TryGetValue(a.Key, out var former) && !Same(former, a.Value)).Select(a => a.Key)],
                [.. before.Keys.Where(n => !after.ContainsKey(n))]);
            if (changes.Added.Count + changes.Changed.Count + changes.Removed.Count > 0)
                resources[list.Collection] = changes;
        }
        bool Same(ConfigObject a, ConfigObject b)
            => a.SameAs(b) && (sameComments || ReferenceEquals(a, b) || ConfigComments.Within(a) == ConfigComments.Within(b)
                || a.ToYaml() == b.ToYaml());

        return new(resources.Values.Sum(r => r.Added.Count), resources.Values.Sum(r => r.Changed.Count),
            resources.Values.Sum(r => r.Removed.Count), resources);
    }

    public bool Touches(string collection, string? name) =>
        Resources.TryGetValue(collection, out var changes)
        && (name is null || changes.Added.Concat(changes.Changed).Concat(changes.Removed).Contains(name));

    public string ResourcesJson() => JsonSerializer.Serialize(Resources, JsonAnswer.Options);

    public static ChangeSummary FromStored(int added, int changed, int removed, string resources) =>
        new(added, changed, removed, JsonSerializer.Deserialize<Dictionary<string, ResourceChanges>>(resources, JsonAnswer.Options) ?? []);

    private static Dictionary<string, ConfigObject> Index(ConfigArray items)
    {
        var index = new Dictionary<string, ConfigObject>(StringComparer.Ordinal);
        foreach (var item in items.OfType<ConfigObject>())
            index.TryAdd(item.Text("name") ?? "", item);
        return index;
    }
}
