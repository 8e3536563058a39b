using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;

namespace Managed.Proxy.Upstream;

/// <summary>
/// Clusters in the order in which they are used (Envoy: aggregate cluster): their priorities are one list, of which a later one gets what
/// those before are too few for. Of one version; what is chosen among is as its clusters are at that moment.
/// </summary>
internal sealed class AggregateCluster(Cluster[] parts)
{
    public IReadOnlyList<Cluster> Parts => parts;

    /// <summary>The cluster of a request.</summary>
    /// <param name="tried">Clusters that are left out, one bit each; when all were, all count again.</param>
    /// <param name="index">Its place.</param>
    public Cluster Choose(WorkerContext worker, UInt128 tried, out int index)
    {
        index = 0;
        int available = 0, first = -1;
        for (int i = 0; i < parts.Length; i++)
        {
            if ((tried >> i & 1) != 0 || Available(parts[i]) is not (> 0 and var share)) continue;
            if (first < 0) first = i;
            available += share;
        }
        if (first < 0) return tried == 0 ? parts[0] : Choose(worker, 0, out index);
        index = first;
        if (Available(parts[first]) >= 100) return parts[first];
        available = Math.Min(100, available);
        int point = (int)(worker.NextRandom() % (ulong)available);
        for (int i = first; i < parts.Length; i++)
        {
            if ((tried >> i & 1) != 0) continue;
            index = i;
            if ((point -= Available(parts[i])) < 0) return parts[i];
        }
        index = first;
        return parts[first];
    }

    // How much of the load it is taken to carry, in percent.
    private static int Available(Cluster cluster) => cluster.OnDemand is not null ? 100 : cluster.Endpoints.Available;

    /// <summary>Finds the clusters that are meant; what is wrong is in the errors. After all clusters of the version are built.</summary>
    public static void Connect(IReadOnlyDictionary<string, Cluster> clusters, ConfigErrors errors)
    {
        foreach (var cluster in clusters.Values)
        {
            if (cluster.Config is not { CustomType: ClusterConfig.Aggregate, CustomKind: { } kind }) continue;
            if (kind.TypedConfig is not { } typed)
            {
                errors.Error(kind.Node, ConfigCode.MissingField, "aggregate needs a typed_config", "give clusters");
                continue;
            }
            if (ConfigBinder.Bind<AggregateClusterConfig>(typed, errors) is not { } config) continue;
            var parts = new List<Cluster>();
            foreach (string name in config.Clusters)
            {
                if (!clusters.TryGetValue(name, out var part))
                    errors.ErrorAt(config.Node, "clusters", ConfigCode.UnknownReference, $"cluster '{name}' does not exist",
                        errors.IsFull ? null : Suggestions.Hint(name, clusters.Keys));
                else if (part.Config.CustomType == ClusterConfig.Aggregate)
                    errors.ErrorAt(config.Node, "clusters", ConfigCode.UnsupportedField,
                        $"cluster '{name}' is an aggregate itself, which is not supported", "name its clusters");
                else if (parts.Contains(part))
                    errors.ErrorAt(config.Node, "clusters", ConfigCode.DuplicateName, $"cluster '{name}' is named twice");
                else parts.Add(part);
            }
            if (parts.Count > 0) cluster.Aggregate = new AggregateCluster([.. parts]);
        }
    }
}
