using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.ShortForms;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Router;

namespace Managed.Proxy.Http;

/// <summary>
/// Builds what a route says to a filter (<c>typed_per_filter_config</c>): the router keeps it without knowing what it is.
/// </summary>
/// <param name="catalog">The filters that may be named.</param>
/// <param name="filters">What they are built with; its identity is extended by the place of the route and the filter's name.</param>
internal sealed class RouteFilterBuilder(HttpFilterCatalog catalog, FilterBuildContext filters)
{
    private const string WrapperType = "envoy.config.route.v3.FilterConfig";

    /// <summary>Null with an error added.</summary>
    /// <param name="place">Names of table, virtual host and route, for the identity of carried-over state.</param>
    public object? Build(string name, ConfigObject node, string place)
    {
        if (node.Text("@type") is { } type && ExtensionNames.Bare(type) == WrapperType)
        {
            if (ConfigBinder.Bind<RouteFilterConfig>(node, filters.Errors) is not { } wrapper) return null;
            if (wrapper.Disabled) return RouteEntry.Disabled;
            return wrapper.Config is { } inner ? Build(name, inner, place) : RouteEntry.Enabled;
        }
        if (Definition(name, node) is not { } definition) return null;
        if (definition.RouteConfigType is null)
        {
            filters.Errors.Error(node, ConfigCode.InvalidValue, $"filter {definition.Name} has no per-route configuration",
                $"to switch it off here, use {{\"@type\": {WrapperType}, disabled: true}}");
            return null;
        }
        return definition.BuildRoute(node, filters.With($"{filters.Identity}/{place}/{name}"));
    }

    private HttpFilterDefinition? Definition(string name, ConfigObject node)
    {
        string wanted = ExtensionNames.Bare(node.Text("@type") ?? name);
        foreach (var definition in catalog.Definitions)
            if (wanted == definition.TypeName || wanted == definition.RouteTypeName || wanted == definition.Name
                || wanted == LastSegment(definition.Name)) return definition;
        // The expansion of short forms may have said so already.
        if (filters.Errors.HasAt(node, ConfigCode.UnknownExtension)) return null;
        if (ExtensionNames.Find(ExtensionKind.HttpFilter, wanted) is { } envoys)
        {
            filters.Errors.Error(node["@type"] ?? node, ConfigCode.UnknownExtension,
                $"HTTP filter '{envoys.ShortName}' is not available in this version");
            return null;
        }
        filters.Errors.Error(node, ConfigCode.UnknownExtension, $"'{wanted}' is not an HTTP filter",
            Suggestions.Hint(wanted, catalog.Definitions.Select(d => LastSegment(d.Name)))
                ?? (node.Has("@type") ? null : "name the filter's type with @type"));
        return null;
    }

    private static string LastSegment(string name) => name[(name.LastIndexOf('.') + 1)..];
}
