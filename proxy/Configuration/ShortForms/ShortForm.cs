using Managed.Proxy.Configuration.Model;

namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>
/// Rewrites a document as the user wrote it to the long form that binds and that <c>?expanded=true</c> prints. Works on a copy; every node
/// keeps the place of what it was made from, so later errors point at the user's text.
/// <code>
/// static_resources        lifted to the root
/// listener                address text; routes, virtual_hosts or route_config_name with http_filters, or tcp_proxy: a filter chain 'main'
/// cluster                 endpoints; type from the addresses
/// gRPC services           google_grpc of an address: a cluster and envoy_grpc
/// secrets                 what TLS contexts name, copied into them
/// tls                     on a listener (for all its chains), chain or cluster: transport_socket
/// filters, access logs    name without @type, short @type, missing typed_config, missing name, a shared extension_configs entry
/// proto_descriptor        a text: the path of a file
/// typed_per_filter_config @type from the filter's name or from the filter of that name in a chain
/// names                   chains main or chain-0…, default; routes route-0…
/// values                  durations as protobuf writes them, sizes as numbers, field names in snake_case
/// </code>
/// </summary>
public static class ShortForm
{
    /// <summary>
    /// The document with <c>{filename: PATH}</c> wherever the short form lets a text stand for the path of a file, so that whoever looks
    /// for the files that it names finds all of them. Itself where there is none.
    /// </summary>
    public static ConfigObject NameFiles(ConfigObject document) => DescriptorFiles.InDocument(TlsExpansion.NameFiles(document));

    /// <summary>Parts of Envoy's bootstrap file that are not part of the document.</summary>
    private static readonly string[] BootstrapOnly =
    [
        "admin", "dynamic_resources", "layered_runtime", "hds_config", "flags_path", "stats_sinks",
        "stats_config",
        "stats_flush_interval", "watchdog", "watchdogs", "tracing", "overload_manager", "enable_dispatcher_stats", "header_prefix",
        "bootstrap_extensions", "default_socket_interface", "fatal_actions", "grpc_async_client_manager_config", "memory_allocator_manager",
    ];

    /// <param name="configTypes">The record of a message name (without <c>type.googleapis.com/</c>), from the extension catalogue; null
    /// where it knows none. It lets the values inside typed configurations be written canonically too.</param>
    /// <param name="former">Of the version before: what both share is not expanded again.</param>
    /// <returns>The long form, or null when the root is not an object. Errors may have been added in either case.</returns>
    public static ConfigObject? Expand(ConfigNode document, ConfigErrors errors, Func<string, Type?>? configTypes = null,
        FormerExpansion? former = null)
    {
        if (document is not ConfigObject given)
        {
            errors.Error(document, ConfigCode.InvalidType, "the document must be an object with listeners, clusters and so on");
            return null;
        }
        errors.AddNotes(given.Notes);
        var root = former?.Begin(given) ?? given.Clone();
        LiftStaticResources(root, errors);
        RejectBootstrap(root, errors);
        if (root["runtime"] is ConfigArray { Count: 0 } or ConfigObject { Count: 0 })
            root.Remove("runtime");

        var extensions = new ExtensionExpansion(root, errors);
        extensions.ExpandShared();
        var routes = new RouteExpansion();
        var listeners = new ListenerExpansion(extensions, routes, errors);
        foreach (var listener in Items(root, "listeners"))
            if (listener.IsSealed) listeners.Note(listener);
            else listeners.Expand(listener);
        foreach (var routeConfiguration in Items(root, "route_configurations"))
            if (!routeConfiguration.IsSealed) routes.Expand(routeConfiguration);
        new GrpcTargetExpansion(root).Expand();
        foreach (var cluster in Items(root, "clusters"))
        {
            if (cluster.IsSealed) continue;
            ClusterExpansion.Expand(cluster, errors);
            TlsExpansion.Expand(cluster, errors);
            extensions.ExpandOne(cluster, "transport_socket", ExtensionKind.UpstreamSocket);
            // A PROXY header has a socket inside.
            if (cluster.Object("transport_socket")?.Object("typed_config") is { } outer && outer.Has("transport_socket"))
                extensions.ExpandOne(outer, "transport_socket", ExtensionKind.UpstreamSocket);
        }
        new RouteFilterExpansion(root, extensions.HttpFilterTypes, errors).Expand();
        new SecretExpansion(root, errors).Expand();
        CanonicalForm.Apply(root, typeof(BootstrapConfig), configTypes ?? (_ => null));
        return root;
    }

    internal static IEnumerable<ConfigObject> Items(ConfigObject? o, string name) => o?.Array(name)?.OfType<ConfigObject>() ?? [];

    private static void LiftStaticResources(ConfigObject root, ConfigErrors errors)
    {
        if (root["static_resources"] is not ConfigObject wrapped)
            return;
        root.Remove("static_resources");
        foreach (var (name, value) in wrapped.Members)
        {
            if (root.Has(name))
                errors.Error(value, ConfigCode.Conflict, $"'{name}' is given beside static_resources too");
            else
                root.Set(name, value);
        }
    }

    private static void RejectBootstrap(ConfigObject root, ConfigErrors errors)
    {
        foreach (var name in BootstrapOnly)
            if (root.Has(name))
            {
                errors.ErrorAt(root, name, ConfigCode.UnsupportedField, $"'{name}' is a part of Envoy's bootstrap, not of this document",
                    "leave it out, or hand in the whole file with its static_resources");
                root.Remove(name);
            }
    }
}
