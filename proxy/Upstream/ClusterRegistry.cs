using System.Collections.Concurrent;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream;

/// <summary>
/// The live clusters of the process by name. A build finds the state here without touching it; publishing makes it follow the
/// configuration.
/// </summary>
internal sealed class ClusterRegistry(int workers)
{
    private readonly ConcurrentDictionary<string, ClusterState> _live = new();

    /// <summary>The live state, or a new one that becomes live with its version.</summary>
    public ClusterState For(string name) => _live.TryGetValue(name, out var state) ? state : new ClusterState(name, workers);

    /// <summary>Makes these the live clusters. Returns the states that no version has any more.</summary>
    public List<ClusterState> Activate(IEnumerable<Cluster> clusters)
    {
        var kept = new HashSet<string>();
        foreach (var cluster in clusters)
        {
            kept.Add(cluster.Name);
            _live[cluster.Name] = cluster.State;
            cluster.Activate();
        }
        var gone = new List<ClusterState>();
        foreach (var (name, state) in _live)
            if (!kept.Contains(name) && _live.TryRemove(name, out _)) gone.Add(state);
        return gone;
    }
}
