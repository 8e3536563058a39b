using System.Net;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.LoadBalancing;

namespace Managed.Proxy.Upstream;

/// <summary>
/// The endpoints of a live cluster, over its versions: what the version in service names, and what DNS answers for it. An endpoint that
/// stays keeps its connections and counters. Control threads and the resolver's.
/// </summary>
internal sealed class ClusterMembers(ClusterState state)
{
    private readonly Dictionary<string, IPAddress[]> _resolved = [];
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Endpoint> _known = [];
    private volatile Cluster? _active;
    private Action<Endpoint>? _retire;

    public ClusterState State => state;

    /// <summary>What DNS is asked for; empty when every address is literal.</summary>
    public IReadOnlyList<EndpointTarget> Targets => _active?.Targets ?? [];
    public DnsLookupFamily DnsFamily { get; private set; }
    public TimeSpan DnsRefresh { get; private set; } = TimeSpan.FromSeconds(5);

    /// <summary>How pools of an endpoint that is gone are told, on their workers.</summary>
    public void OnRetire(Action<Endpoint> retire) => _retire = retire;

    /// <summary>Takes limits and endpoints of a version.</summary>
    public void Follow(Cluster cluster)
    {
        state.Configure(cluster.Config);
        DnsFamily = cluster.Config.DnsLookupFamily;
        DnsRefresh = cluster.Config.DnsRefreshRate;
        lock (_lock)
        {
            _active = cluster;
            Rebuild();
        }
    }

    /// <summary>An answer of DNS for a name; the last good answer stays when there is none.</summary>
    public void Resolved(string name, IPAddress[] addresses)
    {
        lock (_lock)
        {
            if (_resolved.TryGetValue(name, out var before) && before.SequenceEqual(addresses)) return;
            _resolved[name] = addresses;
            Rebuild();
        }
    }

    /// <summary>Weight or drain by an operator, until the process ends or the endpoint goes. False: no such endpoint.</summary>
    public bool Override(string address, int? weight, bool? drain)
    {
        lock (_lock)
        {
            bool found = false;
            foreach (var endpoint in _known.Values)
            {
                if (endpoint.Text != address) continue;
                found = true;
                if (weight is { } w) endpoint.WeightOverride = w;
                if (drain is { } d) endpoint.DrainOverride = d;
            }
            if (found) Rebuild();
            return found;
        }
    }

    public void RetireAll()
    {
        lock (_lock)
        {
            foreach (var endpoint in _known.Values) _retire?.Invoke(endpoint);
            _known.Clear();
            _active = null;
        }
    }

    private void Rebuild()
    {
        if (_active is not { } cluster) return;
        var gone = new Dictionary<string, Endpoint>(_known);
        var next = new List<Endpoint>();
        foreach (var target in cluster.Targets)
        {
            if (target.Address is { } literal) Take(literal, target.Text, target);
            else if (_resolved.TryGetValue(target.HostName, out var addresses))
                foreach (var ip in addresses)
                {
                    var endPoint = new IPEndPoint(ip, target.Port);
                    Take(SocketAddressBytes.From(endPoint), endPoint.ToString(), target);
                }
        }
        cluster.Endpoints = new EndpointSet(next);
        foreach (var (key, endpoint) in gone)
        {
            _known.Remove(key);
            _retire?.Invoke(endpoint);
        }

        void Take(SocketAddressBytes address, string text, EndpointTarget target)
        {
            string key = text + "|" + target.HostName;
            if (!_known.TryGetValue(key, out var endpoint)) _known[key] = endpoint = new Endpoint(address, text, target.HostName, target.RewriteHost, state.Workers);
            else if (!gone.Remove(key)) return; // the same address twice
            endpoint.Weight = target.Weight;
            endpoint.ConfiguredHealth = target.Health;
            next.Add(endpoint);
        }
    }
}
