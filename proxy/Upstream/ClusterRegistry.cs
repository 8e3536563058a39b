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
    public ClusterMembers For(string name) => _live.TryGetValue(name, out var members) ? members
        : new ClusterMembers(new ClusterState(name, workers));

    /// <summary>The version of these clusters is in service. Those that it does not have stay until <see cref="Settle"/>.</summary>
    public void Follow(IEnumerable<Cluster> clusters)
    {
        foreach (var cluster in clusters)
        {
            _live[cluster.Name] = cluster.Members;
            cluster.Members.Follow(cluster);
        }
    }

    /// <summary>There is no way back any more. Returns those that the version in service does not have; they are no longer live.</summary>
    public List<ClusterMembers> Settle(IReadOnlyDictionary<string, Cluster> clusters)
    {
        var gone = new List<ClusterMembers>();
        foreach (var (name, members) in _live)
        {
            if (clusters.ContainsKey(name)) members.Settle();
            else if (_live.TryRemove(name, out _)) gone.Add(members);
        }
        return gone;
    }
}
