using System.Collections.Concurrent;

namespace Managed.Proxy;

/// <summary>
/// Objects that live longer than a version, keyed by what they are and by the part of the configuration that shapes them:
/// a rate-limit bucket keeps its tokens when an unrelated line changes and starts anew when its size does.
/// Entries are weakly held: what no version uses any more goes with the last snapshot that did.
/// </summary>
public sealed class SharedState
{
    private readonly ConcurrentDictionary<string, WeakReference<object>> _objects = new();

    /// <summary>The object of this key, made when there is none. Control thread only.</summary>
    public T GetOrAdd<T>(string key, Func<T> create) where T : class
    {
        if (_objects.TryGetValue(key, out var held) && held.TryGetTarget(out object? found) && found is T same) return same;
        var made = create();
        _objects[key] = new WeakReference<object>(made);
        return made;
    }
}
