using Managed.Proxy.Configuration.ShortForms;

namespace Managed.Proxy.Configuration.Envoy;

/// <summary>An HTTP connection manager of a bootstrap file, with Envoy's defaults written out where ours are others.</summary>
internal static class EnvoyConnectionManager
{
    public static void Take(ConfigObject manager, ConfigErrors notes, Func<string, Type?> configTypes, WrittenDefaults defaults)
    {
        EnvoyAccessLogs.Take(manager, notes);
        Filters(manager, notes, configTypes);
        foreach (var host in ShortForm.Items(manager.Object("route_config"), "virtual_hosts"))
        {
            foreach (var route in ShortForm.Items(host, "routes").Where(r => r.Text("name") is ""))
                route.Remove("name");
            EnvoyNames.Distinct([.. ShortForm.Items(host, "routes")], "route", notes);
        }
        EnvoyNames.Distinct([.. ShortForm.Items(manager.Object("route_config"), "virtual_hosts")], "virtual host", notes);
        if (manager.Object("route_config") is { } table && table.Text("name") is "")
            table.Remove("name");
        Defaults(manager, defaults);
    }

    private static void Filters(ConfigObject manager, ConfigErrors notes, Func<string, Type?> configTypes)
    {
        if (manager.Array("http_filters") is not { } filters)
            return;
        filters.RemoveAll(node =>
        {
            if (node is ConfigObject filter && filter.Remove("is_optional") is ConfigScalar optional
                && ProtoScalar.Boolean(optional).Text == "true"
                && (filter.Object("typed_config")?.Text("@type") ?? filter.Text("name")) is { } type
                    && configTypes(ExtensionNames.Find(ExtensionKind.HttpFilter, type)?.TypeName ?? type) is null)
            {
                notes.Warning(filter, ConfigCode.UnknownExtension,
                    $"the optional HTTP filter '{ExtensionNames.Bare(type)}' is left out: it is not available in this version");
                return true;
            }
            if ((node as ConfigObject)?.Object("typed_config")?.Object("common_config") is { } tap && tap.Has("admin_config")
                && !tap.Has("static_config"))
            {
                notes.Warning(node, ConfigCode.UnsupportedField,
                    "the tap filter is left out: nothing is tapped until /tap is asked for it, which the admin API does not have");
                return true;
            }
            return false;
        });
        long copied = 0;
        foreach (var (item, given) in EnvoyNames.Distinct([.. filters.OfType<ConfigObject>()], "HTTP filter", notes,
            ExtensionKind.HttpFilter))
            if (!Copy(manager.Object("route_config"), given, item.Text("name")!, ref copied))
                item.Set("name", ConfigScalar.String(given, item["name"]!.Origin)); // for the binder to refuse
    }

    /// <summary>Two filters of one name share what routes say of it. False when that comes to more than aliases may add.</summary>
    private static bool Copy(ConfigNode? node, string from, string to, ref long copied)
    {
        if (++copied > Parsing.YamlReader.MaxAliasNodes)
            return false;
        if (node is ConfigArray items)
            foreach (var item in items)
                if (!Copy(item, from, to, ref copied))
                    return false;
        if (node is not ConfigObject o)
            return true;
        if (o.Object("typed_per_filter_config") is { } entries && entries[from] is { } entry)
        {
            if ((copied += DocumentLimits.Measure(entry).Nodes) > Parsing.YamlReader.MaxAliasNodes)
                return false;
            entries.TryAdd(new(to, entry.Clone(), entry.Line, entry.Column));
        }
        foreach (var name in (string[])["virtual_hosts", "routes", "route", "weighted_clusters", "clusters"])
            if (o[name] is { } below && !Copy(below, from, to, ref copied))
                return false;
        return true;
    }

    private static void Defaults(ConfigObject manager, WrittenDefaults defaults)
    {
        var written = new List<string>();
        Write(manager, "use_remote_address", ConfigScalar.Boolean(false, manager.Origin), written);
        Write(manager, "server_name", ConfigScalar.String("envoy", manager.Origin), written);
        Write(manager, "request_headers_timeout", ConfigScalar.String("0s", manager.Origin), written);
        if (!manager.Has("http_protocol_options"))
            manager.Set("http_protocol_options", new ConfigObject(manager.Origin));
        if (manager.Object("http_protocol_options") is { } http1)
        {
            Write(http1, "accept_http_10", ConfigScalar.Boolean(false, manager.Origin), written);
            Write(http1, "enable_trailers", ConfigScalar.Boolean(false, manager.Origin), written);
        }
        if (!ShortForm.Items(manager, "upgrade_configs")
            .Any(u => string.Equals(u.Text("upgrade_type"), "websocket", StringComparison.OrdinalIgnoreCase)))
        {
            var upgrades = manager.Array("upgrade_configs") ?? new ConfigArray(manager.Origin);
            upgrades.Add(new ConfigObject(manager.Origin).Set("upgrade_type", ConfigScalar.String("websocket", manager.Origin))
                .Set("enabled", ConfigScalar.Boolean(false, manager.Origin)));
            manager.Set("upgrade_configs", upgrades);
            written.Add("upgrade_configs: [{upgrade_type: websocket, enabled: false}]");
        }
        if (written.Count > 0)
            defaults.Add(manager, string.Join(", ", written));
    }

    private static void Write(ConfigObject owner, string field, ConfigScalar value, List<string> written)
    {
        if (owner.Has(field))
            return;
        owner.Set(field, value);
        written.Add($"{field}: {value.Text}");
    }
}
