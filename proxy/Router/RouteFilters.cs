using Managed.Proxy.Configuration;

namespace Managed.Proxy.Router;

/// <summary>
/// The built per-route filter configurations of one level with those of the levels above: by filter name, the most specific first.
/// Levels that add nothing share the instance of the level above.
/// </summary>
internal sealed class RouteFilters
{
    public static readonly RouteFilters None = new([], isKept: true);

    private readonly Dictionary<string, object[]> _byName;

    private RouteFilters(Dictionary<string, object[]> byName, bool isKept) => (_byName, IsKept) = (byName, isKept);

    /// <summary>Nothing in it is one version's own.</summary>
    public bool IsKept { get; }

    public bool Any => _byName.Count > 0;

    /// <summary>Most specific first; empty when no level says anything.</summary>
    public ReadOnlySpan<object> Find(string filterName) => _byName.TryGetValue(filterName, out object[]? found) ? found : default;

    /// <summary>This level on top of the one above; wrong entries are reported and left out.</summary>
    /// <param name="place">Names of table, virtual host and route, for the identity of carried-over state.</param>
    public RouteFilters With(IReadOnlyDictionary<string, ConfigObject> configs, RouteBuildContext context, string place)
    {
        if (configs.Count == 0) return this;
        long ties = context.Ties();
        var merged = new Dictionary<string, object[]>(_byName, StringComparer.Ordinal);
        foreach (var (name, node) in configs)
            if (context.BuildFilter(name, node, place) is { } built)
                merged[name] = merged.TryGetValue(name, out object[]? above) ? [built, .. above] : [built];
        return new RouteFilters(merged, IsKept && context.Ties() == ties);
    }
}
