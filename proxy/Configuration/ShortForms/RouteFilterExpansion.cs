namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>Gives every typed_per_filter_config entry its <c>@type</c>: from a short type, from the filter of that name in some chain, or
/// from the extension of that name. Runs after all chains are expanded, because a key may be the name a user gave to a filter.</summary>
internal sealed class RouteFilterExpansion(ConfigObject root, IReadOnlyDictionary<string, ExtensionName?> filters, ConfigErrors errors)
{
    public void Expand()
    {
        foreach (var routeConfiguration in ShortForm.Items(root, "route_configurations"))
            ExpandRoutes(routeConfiguration);
        foreach (var listener in ShortForm.Items(root, "listeners"))
        {
            var chains = ShortForm.Items(listener, "filter_chains");
            foreach (var chain in listener.Object("default_filter_chain") is { } last ? chains.Append(last) : chains)
                foreach (var filter in ShortForm.Items(chain, "filters"))
                {
                    var manager = filter.Object("typed_config");
                    if (manager?.Object("route_config") is { } routeConfig)
                        ExpandRoutes(routeConfig);
                    foreach (var scoped in ListenerExpansion.ScopedRoutes(manager))
                        ExpandRoutes(scoped);
                }
        }
    }

    private void ExpandRoutes(ConfigObject routeConfiguration)
    {
        if (routeConfiguration.IsSealed) return; // it was expanded with the same filters
        ExpandEntries(routeConfiguration);
        foreach (var host in ShortForm.Items(routeConfiguration, "virtual_hosts"))
        {
            ExpandEntries(host);
            foreach (var route in ShortForm.Items(host, "routes")) ExpandRoute(route);
            if (host.Object("matcher") is { } matcher) ExpandInside(matcher);
        }
    }

    private void ExpandRoute(ConfigObject route)
    {
        ExpandEntries(route);
        foreach (var cluster in ShortForm.Items(route.Object("route")?.Object("weighted_clusters"), "clusters"))
            ExpandEntries(cluster);
    }

    // Routes are the actions of matchers, wherever they stand in them.
    private void ExpandInside(ConfigNode node)
    {
        if (node is ConfigArray array)
            foreach (var item in array) ExpandInside(item);
        if (node is not ConfigObject o) return;
        switch (ExtensionNames.Bare(o.Text("@type") ?? ""))
        {
            case "envoy.config.route.v3.Route": ExpandRoute(o); break;
            case "envoy.config.route.v3.RouteList":
                foreach (var route in ShortForm.Items(o, "routes")) ExpandRoute(route);
                break;
            default:
                foreach (var member in o.Members.ToList()) ExpandInside(member.Value);
                break;
        }
    }

    private void ExpandEntries(ConfigObject owner)
    {
        if (owner.Object("typed_per_filter_config") is not { } entries)
            return;
        foreach (var member in entries.Members)
            if (member.Value is ConfigObject config)
                ExpandEntry(entries.NameOrigin(member), member.Key, config);
    }

    private void ExpandEntry(ConfigOrigin origin, string key, ConfigObject config)
    {
        var type = config.Text("@type");
        var bare = type is null ? null : ExtensionNames.Bare(type);
        if (bare is ExtensionNames.FilterConfigType or "FilterConfig" || (bare is null && config.Has("disabled")))
        {
            ExtensionExpansion.SetType(config, ExtensionNames.FilterConfigType, config.Origin);
            if (config.Object("config") is { } inner)
                ExpandEntry(origin, key, inner);
            return;
        }
        var extension = bare is not null ? ExtensionNames.Find(ExtensionKind.HttpFilter, bare)
            : filters.TryGetValue(key, out var known) ? known
            : ExtensionNames.Find(ExtensionKind.HttpFilter, key);
        if (extension is null && ExtensionNames.IsNotServed(ExtensionKind.HttpFilter, bare ?? key))
            errors.Error(bare is null ? origin : config["@type"]!.Origin, ConfigCode.UnknownExtension,
                $"the HTTP filter '{bare ?? key}' is not available in this version");
        else if (extension is null)
            errors.Error(bare is null ? origin : config["@type"]!.Origin, ConfigCode.UnknownExtension,
                bare is not null ? $"there is no HTTP filter '{type}'"
                : filters.ContainsKey(key) ? $"'{key}' names different filters in different chains; give the entry an @type"
                : $"no HTTP filter is named '{key}'",
                errors.IsFull ? null : Suggestions.Hint(type ?? key, ExtensionNames.Names(ExtensionKind.HttpFilter).Concat(filters.Keys)));
        else if (extension.RouteTypeName is null)
            errors.Error(origin, ConfigCode.UnsupportedField, $"the filter '{extension.ShortName}' has no configuration per route",
                "{disabled: true} switches it off");
        else
            ExtensionExpansion.SetType(config, extension.RouteTypeName, config["@type"]?.Origin ?? origin);
    }
}
