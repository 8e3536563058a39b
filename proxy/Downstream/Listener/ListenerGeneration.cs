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
        _byAddress = listeners.ToDictionary(l => l.AddressKey);
    }

    internal IReadOnlyList<Listener> Listeners { get; }

    internal Listener? FindListener(string addressKey) => _byAddress.GetValueOrDefault(addressKey);
}
