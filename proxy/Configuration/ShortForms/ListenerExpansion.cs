namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>The short forms of a listener, and those inside its chains.</summary>
internal sealed class ListenerExpansion(ExtensionExpansion extensions, RouteExpansion routes, ConfigErrors errors)
{
    private static readonly string[] RouteFields = ["routes", "virtual_hosts", "route_config_name"];

    public void Expand(ConfigObject listener)
    {
        AddressExpansion.Expand(listener, errors);
        foreach (var more in ShortForm.Items(listener, "additional_addresses")) AddressExpansion.Expand(more, errors);
        ExpandChain(listener);
        extensions.Expand(listener, "listener_filters", ExtensionKind.ListenerFilter);
        extensions.Expand(listener, "access_log", ExtensionKind.AccessLogger);

        var chains = ShortForm.Items(listener, "filter_chains").ToList();
        TlsExpansion.Share(listener, chains, errors);
        NameGiver.Fill(chains, chains.Count == 1 ? "main" : null, "chain-");
        if (listener.Object("default_filter_chain") is { } last)
        {
            NameGiver.Fill([last], "default", "chain-");
            chains.Add(last);
        }
        foreach (var chain in chains)
        {
            bool isShort = chain.Has("tls") && !chain.Has("transport_socket");
            TlsExpansion.Expand(chain, errors);
            extensions.ExpandOne(chain, "transport_socket", ExtensionKind.DownstreamSocket);
            extensions.Expand(chain, "filters", ExtensionKind.NetworkFilter);
            foreach (var filter in ShortForm.Items(chain, "filters"))
                ExpandInside(filter.Object("typed_config"));
            if (isShort && chain.Object("transport_socket")?.Object("typed_config")?.Object("common_tls_context") is { } common)
                TlsExpansion.OfferHttp(common, ShortForm.Items(chain, "filters").LastOrDefault()?.Object("typed_config"));
        }
    }

    /// <summary>Of one that is in the long form: which filters its chains have, for those that name them.</summary>
    public void Note(ConfigObject listener)
    {
        var chains = ShortForm.Items(listener, "filter_chains");
        foreach (var chain in listener.Object("default_filter_chain") is { } last ? chains.Append(last) : chains)
            foreach (var filter in ShortForm.Items(chain, "filters"))
                foreach (var inner in HttpFilters(filter.Object("typed_config")))
                    extensions.Note(inner);
    }

    /// <summary>Those of a connection manager, with those of its upgrades.</summary>
    internal static IEnumerable<ConfigObject> HttpFilters(ConfigObject? manager)
        => ShortForm.Items(manager, "http_filters")
            .Concat(ShortForm.Items(manager, "upgrade_configs").SelectMany(u => ShortForm.Items(u, "filters")));

    /// <summary>The routing tables that stand within a connection manager's scopes.</summary>
    internal static IEnumerable<ConfigObject> ScopedRoutes(ConfigObject? manager)
        => ShortForm.Items(manager?.Object("scoped_routes")?.Object("scoped_route_configurations_list"), "scoped_route_configurations")
            .Select(s => s.Object("route_configuration")).OfType<ConfigObject>();

    /// <summary>What filters hold that has short forms of its own.</summary>
    private void ExpandInside(ConfigObject? config)
    {
        if (config?.Text("@type") is not { } type)
            return;
        switch (ExtensionNames.Bare(type))
        {
            case ExtensionNames.HttpConnectionManagerType:
                extensions.Expand(config, "http_filters", ExtensionKind.HttpFilter);
                foreach (var upgrade in ShortForm.Items(config, "upgrade_configs"))
                    extensions.Expand(upgrade, "filters", ExtensionKind.HttpFilter);
                extensions.Expand(config, "access_log", ExtensionKind.AccessLogger);
                if (config.Object("route_config") is { } routeConfig)
                    routes.Expand(routeConfig);
                foreach (var scoped in ScopedRoutes(config))
                    routes.Expand(scoped);
                break;
            case ExtensionNames.TcpProxyType:
                extensions.Expand(config, "access_log", ExtensionKind.AccessLogger);
                break;
        }
    }

    /// <summary>Turns routes or tcp_proxy beside the address into the chain <c>main</c>.</summary>
    private void ExpandChain(ConfigObject listener)
    {
        var given = RouteFields.Append("tcp_proxy").Append("filter_chains").Where(listener.Has).ToList();
        if (!listener.Has("http_filters") && given is [] or ["filter_chains"])
            return;
        if (given.Count > 1)
            errors.ErrorAt(listener, given[0], ConfigCode.Conflict, $"only one of these may be given: {string.Join(", ", given)}");
        else if (listener.Has("http_filters") && given is [] or ["tcp_proxy"] or ["filter_chains"])
            errors.ErrorAt(listener, "http_filters", given.Count == 0 ? ConfigCode.MissingField : ConfigCode.Conflict,
                "http_filters on a listener needs routes, virtual_hosts or route_config_name beside it");

        var filter = given.FirstOrDefault() == "tcp_proxy" ? TcpProxy(listener) : ConnectionManager(listener, given.FirstOrDefault());
        foreach (var field in RouteFields.Append("tcp_proxy").Append("http_filters"))
            listener.Remove(field);
        if (listener.Has("filter_chains"))
            return;
        listener.Set("filter_chains", new ConfigArray(listener.Origin).Add(new ConfigObject(listener.Origin)
            .Set("name", ConfigScalar.String("main", listener.Origin))
            .Set("filters", new ConfigArray(listener.Origin).Add(filter))));
    }

    private static ConfigObject TcpProxy(ConfigObject listener)
    {
        var given = listener["tcp_proxy"]!;
        var filter = new ConfigObject(given.Origin).Set("name", ConfigScalar.String("tcp_proxy", given.Origin));
        if (given is not ConfigObject config)
            return filter.Set("typed_config", given);
        if (!config.Has("stat_prefix"))
            config.Set("stat_prefix", StatPrefix(listener));
        return filter.Set("typed_config", config);
    }

    private static ConfigObject ConnectionManager(ConfigObject listener, string? form)
    {
        var config = new ConfigObject(listener.Origin).Set("stat_prefix", StatPrefix(listener));
        switch (form)
        {
            case "route_config_name":
                var name = listener[form]!;
                config.Set("rds", new ConfigObject(name.Origin).Set(form, name));
                break;
            case "virtual_hosts" or "routes":
                var given = listener[form]!;
                config.Set("route_config", new ConfigObject(given.Origin)
                    .Set("name", StatPrefix(listener))
                    .Set("virtual_hosts", form == "virtual_hosts" ? given : AnyHost(given)));
                break;
            default:
                config.Set("route_config", new ConfigObject(listener.Origin)); // its absence is reported already
                break;
        }
        return new ConfigObject(listener.Origin)
            .Set("name", ConfigScalar.String("http_connection_manager", listener.Origin))
            .Set("typed_config", config.Set("http_filters", WithRouter(listener)).Set("upgrade_configs", WebSockets(listener)));
    }

    // Who writes the short form expects WebSockets to work, as behind every other proxy; the long form is Envoy's, which asks for it.
    private static ConfigArray WebSockets(ConfigObject listener) =>
        new ConfigArray(listener.Origin).Add(new ConfigObject(listener.Origin)
            .Set("upgrade_type", ConfigScalar.String("websocket", listener.Origin)));

    private static ConfigArray AnyHost(ConfigNode routes) =>
        new ConfigArray(routes.Origin).Add(new ConfigObject(routes.Origin)
            .Set("name", ConfigScalar.String("default", routes.Origin))
            .Set("domains", new ConfigArray(routes.Origin).Add(ConfigScalar.String("*", routes.Origin)))
            .Set("routes", routes));

    /// <summary>The filters given with the router last, unless it is among them.</summary>
    private static ConfigNode WithRouter(ConfigObject listener)
    {
        var given = listener["http_filters"];
        var filters = given is null or ConfigScalar { IsNull: true } ? new ConfigArray(listener.Origin) : given;
        if (filters is not ConfigArray list)
            return filters;
        var routed = list.OfType<ConfigObject>().Any(f =>
            ExtensionNames.Find(ExtensionKind.HttpFilter,
                f.Object("typed_config")?.Text("@type") ?? f.Text("name") ?? "")?.TypeName == ExtensionNames.RouterType);
        return routed ? list : list.Add(new ConfigObject(listener.Origin).Set("name", ConfigScalar.String("router", listener.Origin)));
    }

    private static ConfigScalar StatPrefix(ConfigObject listener) =>
        listener["name"] is ConfigScalar { Kind: ConfigScalarKind.String, Text.Length: > 0 } name ? name
        : ConfigScalar.String("unnamed", listener.Origin);
}
