using System.Collections.Concurrent;
using Managed.Proxy.Core.FaultInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Managed.Proxy.Core;

/// <summary>
/// Objects that live longer than a version, keyed by what they are and by the part of the configuration that shapes them:
/// a rate-limit bucket keeps its tokens when an unrelated line changes and starts anew when its size does.
/// Entries are weakly held: what no version uses any more goes with the last snapshot that did. A <see cref="SharedResource"/> goes at
/// that moment, everything else when the collector finds it.
/// </summary>
public sealed class SharedState
{
    private readonly ConcurrentDictionary<string, WeakReference<object>> _objects;
    private readonly Lock _lock;
    private readonly List<SharedResource> _leases = [];

    /// <param name="workers">How many workers will use the objects.</param>
    /// <param name="guests">What guest code is given.</param>
    public SharedState(int workers, GuestEnvironment? guests = null)
        => (_objects, _lock, Workers, Guests) = (new(), new(), workers,
            guests ?? new GuestEnvironment(NullLogger.Instance, null, false, []));

    private SharedState(SharedState of)
        => (_objects, _lock, Workers, Guests, Handed, WritesNothing)
            = (of._objects, of._lock, of.Workers, of.Guests, of.Handed, of.WritesNothing);

    /// <summary>No filter may write a file or anything else that is seen outside of the proxy.</summary>
    public bool WritesNothing { get; init; }

    /// <summary>What objects of another process were when it handed over to this one, by their keys.</summary>
    internal IReadOnlyDictionary<string, byte[]> Handed { get; set; } = new Dictionary<string, byte[]>();

    /// <summary>All objects of a kind that something still uses.</summary>
    internal IEnumerable<(string Key, T Value)> All<T>() where T : class
    {
        foreach (var (key, held) in _objects)
            if (held.TryGetTarget(out object? found) && found is T value) yield return (key, value);
    }

    /// <summary>For how many workers parts are to be prepared.</summary>
    public int Workers { get; }
    public GuestEnvironment Guests { get; }

    /// <summary>The object of this key, made when there is none. Control thread only.</summary>
    public T GetOrAdd<T>(string key, Func<T> create) where T : class
    {
        if (_objects.TryGetValue(key, out var held) && held.TryGetTarget(out object? found) && found is T same) return same;
        var made = create();
        _objects[key] = new WeakReference<object>(made);
        return made;
    }

    /// <summary>The same where nothing may come of it, which is not remembered.</summary>
    public T? GetOrAddUnlessNull<T>(string key, Func<T?> create) where T : class
    {
        if (_objects.TryGetValue(key, out var held) && held.TryGetTarget(out object? found) && found is T same) return same;
        if (create() is not { } made) return null;
        _objects[key] = new WeakReference<object>(made);
        return made;
    }

    /// <summary>The same for what has to be given back: leased to the snapshot that is being built. Control thread only.</summary>
    public T Lease<T>(string key, Func<T> create) where T : SharedResource
    {
        lock (_lock)
        {
            var resource = GetOrAdd(key, create);
            if (resource.Released) _objects[key] = new WeakReference<object>(resource = create());
            resource.Leases++;
            _leases.Add(resource);
            return resource;
        }
    }

    /// <summary>The same where nothing may come of it, which is not remembered. Control thread only.</summary>
    public T? LeaseUnlessNull<T>(string key, Func<T?> create) where T : SharedResource
    {
        lock (_lock)
        {
            var resource = GetOrAddUnlessNull(key, create);
            if (resource is { Released: true }) _objects.TryRemove(key, out _);
            if (resource is { Released: true }) resource = GetOrAddUnlessNull(key, create);
            if (resource is null) return null;
            resource.Leases++;
            _leases.Add(resource);
            return resource;
        }
    }

    /// <summary>How often this build leased something.</summary>
    internal long Taken => _leases.Count;

    /// <summary>What is leased at this moment.</summary>
    internal IReadOnlyList<SharedResource> Leased()
    {
        lock (_lock)
            return [.. _objects.Values.Select(o => o.TryGetTarget(out object? found) ? found as SharedResource : null)
                .OfType<SharedResource>().Where(r => r.Leases > 0)];
    }

    /// <summary>The same objects, with leases of its own: for one build.</summary>
    internal SharedState ForBuild() => new(this);

    /// <summary>What this build leased, in that order, each once.</summary>
    internal IReadOnlyList<SharedResource> Leases()
    {
        lock (_lock) return [.. _leases.Distinct()];
    }

    /// <summary>Gives back what was leased; the parts of resources that nobody leases any more are released.</summary>
    /// <exception cref="AggregateException">Some could not be released; all others were.</exception>
    internal void Return(IReadOnlyList<WorkerContext> workers)
    {
        lock (_lock)
        {
            List<Exception>? failures = null;
            foreach (var resource in _leases)
            {
                if (--resource.Leases > 0) continue;
                resource.Released = true;
                try
                {
                    Faults.Pass(FaultPoint.Release);
                    resource.Release(workers);
                }
                catch (Exception e)
                {
                    (failures ??= []).Add(e);
                }
            }
            _leases.Clear();
            // Keys hold what shaped an object: with each version there are some that nobody will ask for again.
            foreach (var (key, held) in _objects)
                if (!held.TryGetTarget(out _)) _objects.TryRemove(key, out _);
            if (failures is not null) throw new AggregateException(failures);
        }
    }
}
