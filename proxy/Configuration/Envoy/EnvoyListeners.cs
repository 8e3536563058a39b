using Managed.Proxy.Configuration.ShortForms;

namespace Managed.Proxy.Configuration.Envoy;

/// <summary>
/// Listeners of a bootstrap file: names that they lack or share, access loggers, and what Envoy's HTTP connection manager does where ours
/// does otherwise.
/// </summary>
internal static class EnvoyListeners
{
    public static void Take(ConfigObject document, ConfigErrors notes, Func<string, Type?> configTypes)
    {
        var listeners = ShortForm.Items(document, "listeners").ToList();
        var names = new EnvoyNames(listeners);
        var defaults = new WrittenDefaults();
        foreach (var listener in listeners.Where(l => !l.Has("name") || l.Text("name") is ""))
            names.Give(listener, "listener_" + Address(listener));
        foreach (var listener in listeners)
        {
            var chains = ShortForm.Items(listener, "filter_chains").ToList();
            foreach (var chain in chains.Where(c => c.Text("name") is ""))
                chain.Remove("name");
            EnvoyNames.Distinct(chains, "filter chain", notes);
            if (listener.Object("default_filter_chain") is { } last)
                chains.Add(last);
            EnvoyNames.Distinct([.. ShortForm.Items(listener, "listener_filters")], "listener filter", notes, ExtensionKind.ListenerFilter);
            EnvoyClusters.LimitBuffers(listener, notes);
            EnvoyAccessLogs.Take(listener, notes);
            foreach (var chain in chains)
                TakeChain(chain, notes, configTypes, defaults);
        }
        defaults.Say(notes);
    }

    private static void TakeChain(ConfigObject chain, ConfigErrors notes, Func<string, Type?> configTypes, WrittenDefaults defaults)
    {
        EnvoyExtensions.DropRawBuffer(chain);
        Defaults(chain, defaults);
        var filters = ShortForm.Items(chain, "filters").ToList();
        EnvoyNames.Distinct(filters, "network filter", notes, ExtensionKind.NetworkFilter);
        foreach (var filter in filters)
        {
            if (filter.Object("typed_config") is not { } config)
                continue;
            var type = ExtensionNames.Find(ExtensionKind.NetworkFilter, config.Text("@type") ?? filter.Text("name") ?? "")?.TypeName;
            if (type is ExtensionNames.HttpConnectionManagerType)
                EnvoyConnectionManager.Take(config, notes, configTypes, defaults);
            else if (type is ExtensionNames.TcpProxyType)
                EnvoyAccessLogs.Take(config, notes);
        }
    }

    private static void Defaults(ConfigObject chain, WrittenDefaults defaults)
    {
        if (!chain.Has("transport_socket") || chain.Has("transport_socket_connect_timeout"))
            return;
        chain.Set("transport_socket_connect_timeout", ConfigScalar.String("0s", chain.Origin));
        defaults.Add(chain, "transport_socket_connect_timeout: 0s");
    }

    private static string Address(ConfigObject listener) =>
        listener.Object("address")?.Object("socket_address") is { } socket ? $"{socket.Text("address")}_{socket["port_value"]}"
        : listener.Object("address")?.Object("pipe")?.Text("path") ?? "unnamed";
}
