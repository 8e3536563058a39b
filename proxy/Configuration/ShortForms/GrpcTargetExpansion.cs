namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>
/// Makes a cluster of the address that a filter's <c>google_grpc</c> names, and <c>envoy_grpc</c> of it: Envoy's second gRPC client has
/// connections of its own, here there is one kind. With credentials, or anything else beside <c>target_uri</c> and <c>stat_prefix</c>, it
/// stays as it is and is refused.
/// <code>
/// grpc_service: {google_grpc: {target_uri: "127.0.0.1:9191"}}
///     grpc_service: {envoy_grpc: {cluster_name: "grpc-127.0.0.1:9191"}}
///     clusters: [{name: "grpc-127.0.0.1:9191", endpoints: ["127.0.0.1:9191"], http2: true}]
/// </code>
/// </summary>
internal sealed class GrpcTargetExpansion(ConfigObject root)
{
    private static readonly string[] Served = ["envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor", "envoy.extensions.filters.network.ext_authz.v3.ExtAuthz"];

    /// <summary>After the listeners and before the clusters.</summary>
    public void Expand()
    {
        foreach (var shared in ShortForm.Items(root, "extension_configs")) Filter(shared.Object("typed_config"));
        foreach (var listener in ShortForm.Items(root, "listeners"))
        {
            var chains = ShortForm.Items(listener, "filter_chains");
            foreach (var chain in listener.Object("default_filter_chain") is { } last ? chains.Append(last) : chains)
                foreach (var filter in ShortForm.Items(chain, "filters"))
                {
                    Filter(filter.Object("typed_config"));
                    foreach (var inner in ListenerExpansion.HttpFilters(filter.Object("typed_config")))
                        Filter(inner.Object("typed_config"));
                }
        }
    }

    private void Filter(ConfigObject? config)
    {
        if (config?.Text("@type") is not { } type || !Served.Contains(ExtensionNames.Bare(type))
            || config.Object("grpc_service") is not { } service || service.Has("envoy_grpc")
            || service.Object("google_grpc") is not { } google || google["target_uri"] is not ConfigScalar target
            || google.Members.Any(m => m.Key is not ("target_uri" or "stat_prefix")) || Address(target.Text) is not { } address)
            return;
        var name = ConfigScalar.String("grpc-" + address, target.Origin);
        service.Remove("google_grpc");
        service.Set("envoy_grpc", new ConfigObject(google.Origin).Set("cluster_name", name));
        if (root.Array("clusters") is not { } clusters)
        {
            if (root.Has("clusters")) return; // it is wrong, and that is said
            root.Set("clusters", clusters = new ConfigArray(target.Origin));
        }
        if (clusters.OfType<ConfigObject>().Any(c => c.Text("name") == name.Text)) return;
        clusters.Add(new ConfigObject(target.Origin).Set("name", name)
            .Set("endpoints", new ConfigArray(target.Origin).Add(ConfigScalar.String(address, target.Origin)))
            .Set("http2", ConfigScalar.Boolean(true, target.Origin)));
    }

    // gRPC's naming (grpc/grpc doc/naming.md), as far as it names one address with a port; null otherwise.
    private static string? Address(string target)
    {
        if (target.StartsWith("unix://", StringComparison.Ordinal)) return target;
        if (target.StartsWith("unix:", StringComparison.Ordinal)) return "unix://" + target[5..];
        foreach (string scheme in (string[])["dns:///", "dns:", "ipv4:"])
            if (target.StartsWith(scheme, StringComparison.Ordinal))
            {
                target = target[scheme.Length..];
                break;
            }
        int colon = target.LastIndexOf(':');
        return colon > 0 && ushort.TryParse(target[(colon + 1)..], out ushort port) && port > 0 && !target.Contains('/') ? target : null;
    }
}
