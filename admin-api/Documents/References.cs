using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Documents;

/// <summary>A place in the document that names a resource.</summary>
internal sealed record Reference(string Kind, string Name, string Pointer);

/// <summary>Who refers to a top-level resource, found by the fields that hold such names in Envoy's model.</summary>
internal static class References
{
    public static IReadOnlyList<Reference> To(ConfigObject document, string collection, string name)
    {
        var found = new List<Reference>();
        foreach (var list in TopLevelList.All)
        {
            var items = list.Read(document);
            for (var i = 0; i < items.Count; i++)
                if (items[i] is ConfigObject item && !(list.Collection == collection && item.Text("name") == name))
                    Walk(item, $"#/{list.Collection}/{i}", found, collection, name, new(list.Kind, item.Text("name") ?? "", ""));
        }
        return found;
    }

    private static void Walk(ConfigNode node, string pointer, List<Reference> found, string collection, string name, Reference owner)
    {
        if (node is ConfigArray array)
        {
            for (var i = 0; i < array.Count; i++)
                Walk(array[i], $"{pointer}/{i}", found, collection, name, owner);
        }
        else if (node is ConfigObject o)
        {
            foreach (var (member, value) in o.Members)
            {
                var at = $"{pointer}/{member.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";
                if (value is ConfigScalar { Kind: ConfigScalarKind.String } text && text.Text == name && Names(collection, member))
                    found.Add(owner with { Pointer = at });
                else
                    Walk(value, at, found, collection, name, owner);
                if (value is ConfigArray items && HoldsNames(collection, member))
                    NamedItems(items, at, found, collection, name, owner);
                if (collection == "secrets")
                    Secret(member, value, at, found, name, owner);
            }
        }
    }

    /// <summary>
    /// Secrets are named by <c>{name}</c> without a source of their own, alone or in a list, and in the short form by texts.
    /// </summary>
    private static void Secret(string member, ConfigNode value, string pointer, List<Reference> found, string name, Reference owner)
    {
        if (member is "certificates" or "tls_certificates" or "tlsCertificates" && value is ConfigArray certificates)
        {
            for (var i = 0; i < certificates.Count; i++)
                if (certificates[i] is ConfigScalar { Kind: ConfigScalarKind.String } text && text.Text == name)
                    found.Add(owner with { Pointer = $"{pointer}/{i}" });
        }
        else if (member == "validation_context" && value is ConfigScalar { Kind: ConfigScalarKind.String } context && context.Text == name)
            found.Add(owner with { Pointer = pointer });
        else if (member.TrimEnd('s') is var one && (one is "token_secret" or "hmac_secret" or "client_secret" or "tokenSecret"
            or "hmacSecret" or "clientSecret" or "credential" || one.EndsWith("sds_secret_config", StringComparison.Ordinal)
            || one.EndsWith("SdsSecretConfig", StringComparison.Ordinal)))
        {
            var items = value is ConfigArray list ? list : new ConfigArray().Add(value);
            for (var i = 0; i < items.Count; i++)
                if (items[i] is ConfigObject item && item.Text("name") == name
                    && item["sds_config"] is (null or ConfigScalar { IsNull: true }))
                    found.Add(owner with { Pointer = value is ConfigArray ? $"{pointer}/{i}/name" : $"{pointer}/name" });
        }
    }

    private static bool Names(string collection, string member) => collection switch
    {
        "clusters" => member is "cluster" or "cluster_name" or "local_cluster_name",
        "route_configurations" => member is "route_config_name" or "routeConfigName"
            or "route_configuration_name" or "routeConfigurationName",
        _ => false,
    };

    /// <summary>
    /// Lists whose items are references by their own <c>name</c>: weighted clusters; filters without a configuration of their own.
    /// </summary>
    private static bool HoldsNames(string collection, string member) => collection switch
    {
        "clusters" => member == "clusters",
        "extension_configs" => member is "http_filters" or "httpFilters",
        _ => false,
    };

    private static void NamedItems(ConfigArray items, string pointer, List<Reference> found, string collection, string name,
        Reference owner)
    {
        for (var i = 0; i < items.Count; i++)
            if (items[i] is ConfigObject item && item.Text("name") == name && (collection == "clusters" || !item.Has("typed_config")))
                found.Add(owner with { Pointer = $"{pointer}/{i}/name" });
            else if (collection == "clusters" && items[i] is ConfigScalar { Kind: ConfigScalarKind.String } text && text.Text == name)
                found.Add(owner with { Pointer = $"{pointer}/{i}" }); // of an aggregate
    }
}
