using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.ShortForms;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http;

namespace Managed.Proxy.Router;

/// <summary>
/// The built per-route filter configurations of one level with those of the levels above: by filter name, the most specific first.
/// Levels that add nothing share the instance of the level above.
/// </summary>
internal sealed class RouteFilters
{
    public static readonly RouteFilters None = new([]);

    private const string WrapperType = "envoy.config.route.v3.FilterConfig";

    private readonly Dictionary<string, object[]> _byName;

    private RouteFilters(Dictionary<string, object[]> byName) => _byName = byName;

    public bool Any => _byName.Count > 0;

    /// <summary>Most specific first; empty when no level says anything.</summary>
    public ReadOnlySpan<object> Find(string filterName) => _byName.TryGetValue(filterName, out object[]? found) ? found : default;

    /// <summary>This level on top of the one above; wrong entries are reported and left out.</summary>
    /// <param name="place">Names of table, virtual host and route, for the identity of carried-over state.</param>
    public RouteFilters With(IReadOnlyDictionary<string, ConfigObject> configs, RouteBuildContext context, string place)
    {
        if (configs.Count == 0) return this;
        var merged = new Dictionary<string, object[]>(_byName, StringComparer.Ordinal);
        foreach (var (name, node) in configs)
            if (Build(name, node, context, $"{context.Filters.Identity}/{place}/{name}") is { } built)
                merged[name] = merged.TryGetValue(name, out object[]? above) ? [built, .. above] : [built];
        return new RouteFilters(merged);
    }

    private static object? Build(string name, ConfigObject node, RouteBuildContext context, string identity)
    {
        if (node.Text("@type") is { } type && ShortType(type) == WrapperType)
        {
            if (ConfigBinder.Bind<RouteFilterConfig>(node, context.Errors) is not { } wrapper) return null;
            if (wrapper.Disabled) return RouteEntry.Disabled;
            return wrapper.Config is { } inner ? Build(name, inner, context, identity) : RouteEntry.Enabled;
        }
        if (Definition(name, node, context) is not { } definition) return null;
        if (definition.RouteConfigType is null)
        {
            context.Errors.Error(node, ConfigCode.InvalidValue, $"filter {definition.Name} has no per-route configuration",
                $"to switch it off here, use {{\"@type\": {WrapperType}, disabled: true}}");
            return null;
        }
        var filters = context.Filters;
        return definition.BuildRoute(node, new FilterBuildContext
        {
            Errors = context.Errors, Stats = context.Stats, Shared = context.Shared, StatPrefix = filters.StatPrefix, ClusterNames = filters.ClusterNames, Clusters = filters.Clusters, Identity = identity,
        });
    }

    private static HttpFilterDefinition? Definition(string name, ConfigObject node, RouteBuildContext context)
    {
        string wanted = ShortType(node.Text("@type") ?? name);
        foreach (var definition in context.FilterDefinitions)
            if (wanted == definition.TypeName || wanted == definition.RouteTypeName || wanted == definition.Name || wanted == LastSegment(definition.Name)) return definition;
        // The expansion of short forms may have said so already.
        if (context.Errors.HasAt(node, ConfigCode.UnknownExtension)) return null;
        if (ExtensionNames.Find(ExtensionKind.HttpFilter, wanted) is { } envoys)
        {
            context.Errors.Error(node["@type"] ?? node, ConfigCode.UnknownExtension, $"HTTP filter '{envoys.ShortName}' is not available in this version");
            return null;
        }
        context.Errors.Error(node, ConfigCode.UnknownExtension, $"'{wanted}' is not an HTTP filter",
            Suggestions.Hint(wanted, context.FilterDefinitions.Select(d => LastSegment(d.Name))) ?? (node.Has("@type") ? null : "name the filter's type with @type"));
        return null;
    }

    private static string ShortType(string type) => ExtensionNames.Bare(type);

    private static string LastSegment(string name) => name[(name.LastIndexOf('.') + 1)..];
}
