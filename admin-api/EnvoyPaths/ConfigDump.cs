using Managed.AdminApi.Documents;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Versions;
using Managed.Proxy;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.EnvoyPaths;

/// <summary>The served configuration in the shape of Envoy's <c>/config_dump</c>: what the API publishes is dynamic there.</summary>
internal static class ConfigDump
{
    private const string Type = "type.googleapis.com/envoy.admin.v3.";

    public static Task WriteAsync(HttpContext context)
    {
        var active = context.RequestServices.GetRequiredService<ActiveConfiguration>().Required;
        var expanded = context.RequestServices.GetRequiredService<ProxyServer>().Current?.ExpandedDocument ?? Expansion.Of(active.Document);
        var version = ConfigScalar.String(active.Number.ToString(System.Globalization.CultureInfo.InvariantCulture));
        var updated = ConfigScalar.String(active.CreatedAt.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ",
            System.Globalization.CultureInfo.InvariantCulture));
        var configs = new ConfigArray()
            .Add(Dump("ClustersConfigDump", version, "dynamic_active_clusters",
                Items(expanded, "clusters", c => Entry("cluster", c, version, updated))))
            .Add(Dump("ListenersConfigDump", version, "dynamic_listeners", Items(expanded, "listeners",
                l => new ConfigObject().Set("name", l["name"]!).Set("active_state", Entry("listener", l, version, updated)))))
            .Add(Dump("RoutesConfigDump", null, "dynamic_route_configs",
                Items(expanded, "route_configurations", r => Entry("route_config", r, version, updated))))
            .Add(Dump("SecretsConfigDump", null, "dynamic_active_secrets", Items(expanded, "secrets",
                s => Entry("secret", s, version, updated).Set("name", s["name"]!))))
            .Add(Dump("EcdsConfigDump", null, "ecds_filters",
                Items(expanded, "extension_configs", e => Entry("ecds_filter", e, version, updated))));
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new ConfigObject().Set("configs", configs));
    }

    private static ConfigObject Dump(string type, ConfigScalar? version, string member, ConfigArray items)
    {
        var dump = new ConfigObject().Set("@type", ConfigScalar.String(Type + type));
        if (version is not null)
            dump.Set("version_info", version);
        return dump.Set(member, items);
    }

    private static ConfigArray Items(ConfigObject document, string collection, Func<ConfigObject, ConfigNode> entry)
    {
        var items = new ConfigArray();
        foreach (var item in document.Array(collection)?.OfType<ConfigObject>() ?? [])
            items.Add(entry(item));
        return items;
    }

    private static ConfigObject Entry(string member, ConfigObject item, ConfigScalar version, ConfigScalar updated) =>
        new ConfigObject().Set("version_info", version).Set(member, item).Set("last_updated", updated);
}
