using Managed.Proxy.Upstream;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>A version with its listeners.</summary>
public class ListenerGeneration : Generation
{
    private readonly Dictionary<string, Listener> _byAddress;

    internal ListenerGeneration(long version, IReadOnlyDictionary<string, Cluster> clusters, IReadOnlyList<Listener> listeners, int workers)
        : base(version, clusters, workers)
    {
        Listeners = listeners;
        _byAddress = listeners.SelectMany(l => l.Places.Select(p => (p.Key, Listener: l))).ToDictionary(p => p.Key, p => p.Listener);
    }

    internal IReadOnlyList<Listener> Listeners { get; }

    /// <summary>
    /// The listener that a connection to an address is for, whether it is bound or not: of that address, else of the same port of every
    /// address. Null: none.
    /// </summary>
    internal Listener? FindByDestination(System.Net.IPEndPoint destination)
    {
        Listener? any = null;
        foreach (var listener in Listeners)
            foreach (var place in listener.Places)
            {
                if (place.Address.EndPoint is not { } end || end.Port != destination.Port) continue;
                if (end.Address.Equals(destination.Address)) return listener;
                if (end.AddressFamily == destination.AddressFamily
                    && (end.Address.Equals(System.Net.IPAddress.Any) || end.Address.Equals(System.Net.IPAddress.IPv6Any))) any ??= listener;
            }
        return any;
    }

    internal Listener? FindListener(string addressKey) => _byAddress.GetValueOrDefault(addressKey);
}
