using System.Collections.Concurrent;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.OnDemand;

/// <summary>
/// The endpoints of a cluster that has them for whatever is asked for: made for the first request, gone when none comes any more. Outlives
/// versions that connect alike. Any thread.
/// </summary>
internal sealed class OnDemandEndpoints(string shape, int workers)
{
    /// <summary>No more at a time: clients can make up as many as they like.</summary>
    public const int Most = 10_000;

    private readonly ConcurrentDictionary<string, Held> _held = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private int _count;
    private volatile bool _changed;

    /// <summary>How connections are made: those of another shape are not used again.</summary>
    public string Shape => shape;
    /// <summary>Told of endpoints that are gone.</summary>
    public Action<Endpoint>? Retire { get; set; }
    public IEnumerable<Endpoint> All => _held.Values.Select(h => h.Endpoint);

    /// <summary>Null: there is none under this key.</summary>
    public Endpoint? Find(ReadOnlySpan<char> key)
    {
        if (!_held.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(key, out var held)) return null;
        Volatile.Write(ref held.UsedMicros, WorkerContext.ClockMicros);
        return held.Endpoint;
    }

    /// <summary>The endpoint under a key, made where there is none or it leads elsewhere; null: there are too many.</summary>
    public Endpoint? For(string key, SocketAddressBytes address, string text, string name)
    {
        if (_held.TryGetValue(key, out var held) && ReferenceEquals(held.Endpoint.Address, address))
        {
            Volatile.Write(ref held.UsedMicros, WorkerContext.ClockMicros);
            return held.Endpoint;
        }
        lock (_lock)
        {
            if (_held.TryGetValue(key, out held))
            {
                if (ReferenceEquals(held.Endpoint.Address, address)) return held.Endpoint;
                Retire?.Invoke(held.Endpoint);
            }
            else if (_count >= Most) return null;
            else _count++;
            long now = WorkerContext.ClockMicros;
            var made = new Held(new Endpoint(address, text, name, name, workers) { SinceMicros = now }) { UsedMicros = now };
            _held[key] = made;
            _changed = true;
            return made.Endpoint;
        }
    }

    /// <summary>Lets go of what nobody has asked for since then. True: there are others than the last time.</summary>
    public bool Sweep(long sinceMicros)
    {
        lock (_lock)
        {
            bool changed = _changed;
            _changed = false;
            foreach (var (key, held) in _held)
            {
                if (Volatile.Read(ref held.UsedMicros) >= sinceMicros) continue;
                _held.TryRemove(key, out _);
                _count--;
                Retire?.Invoke(held.Endpoint);
                changed = true;
            }
            return changed;
        }
    }

    private sealed class Held(Endpoint endpoint)
    {
        public readonly Endpoint Endpoint = endpoint;
        public long UsedMicros;
    }
}
