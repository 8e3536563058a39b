using System.Collections.Concurrent;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream;

/// <summary>
/// The live clusters of the process by name. A build finds the state here without touching it; publishing makes it follow the
/// configuration.
/// </summary>
internal sealed class ClusterRegistry(int workers)
{
    private readonly ConcurrentDictionary<string, ClusterMembers> _live = new();

    /// <summary>What is live of this name, or a new one that becomes live with its version.</summary>
    public ClusterMembers For(string name) => _live.TryGetValue(name, out var members) ? members : new ClusterMembers(new ClusterState(name, workers));

    /// <summary>Makes these the live clusters. Returns those that the version does not have any more.</summary>
    public List<ClusterMembers> Activate(IEnumerable<Cluster> clusters)
    {
        var kept = new HashSet<string>();
        foreach (var cluster in clusters)
        {
            kept.Add(cluster.Name);
            _live[cluster.Name] = cluster.Members;
            cluster.Members.Follow(cluster);
        }
        var gone = new List<ClusterMembers>();
        foreach (var (name, members) in _live)
            if (!kept.Contains(name) && _live.TryRemove(name, out _)) gone.Add(members);
        return gone;
    }
}
