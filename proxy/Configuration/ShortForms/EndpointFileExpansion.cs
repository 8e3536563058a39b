using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>
/// Puts what a file says of a cluster's endpoints (<c>type: EDS</c>) into it: behind this the cluster is one with a list of addresses.
/// Whoever makes versions has read the file, and keeps what it said with the version.
/// </summary>
internal static class EndpointFileExpansion
{
    public static void Expand(ConfigObject cluster, ConfigErrors errors)
    {
        if (cluster.Text("type") is not "EDS" || cluster.Has("cluster_type")) return;
        if (cluster["eds_cluster_config"] is not { } given)
        {
            errors.Error(cluster["type"], ConfigCode.MissingField, "type EDS needs eds_cluster_config",
                "give eds_config with path_config_source, or endpoints in place of the type");
            return;
        }
        if (cluster["load_assignment"] is { } list)
        {
            errors.Error(list, ConfigCode.Conflict, "the endpoints of type EDS stand in its file alone");
            return;
        }
        if (ConfigBinder.Bind<EdsClusterConfig>(given, errors) is not { EdsConfig: { } source } config) return;
        string name = config.ServiceName.Length > 0 ? config.ServiceName : cluster.Text("name") ?? "";
        string path = source.PathConfigSource?.Path ?? source.Path ?? "";
        if (source.PathConfigSource?.Pinned is { } pinned)
        {
            cluster.Remove("eds_cluster_config");
            cluster.Set("type", ConfigScalar.String("STATIC", cluster["type"]!.Origin));
            cluster.Set("load_assignment", pinned.Clone());
        }
        else if (errors.Host.Unreadable.TryGetValue(path, out var why))
            errors.Error(source.Node, why.Code, $"file '{path}' {why.Why}");
        else
            errors.Error(source.Node, ConfigCode.UnknownReference,
                $"what file '{path}' says of the endpoints of '{name}' is not known here",
                "only a running node reads it: POST /api/v1/config/validate checks this");
    }
}
