namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>
/// A dictionary that all workers and all scripts of a data plane share by its name: texts, numbers, booleans, with a time to live.
/// Bounded: what was written longest ago goes first. Short locks; a script that needs it pays for them.
/// </summary>
internal sealed class SharedTable
{
    public const long MaxBytes = 8 << 20;
    private const int EntryCost = 128; // what an entry takes beside its bytes, roughly

    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<Entry>> _entries = new(StringComparer.Ordinal);
    private readonly LinkedList<Entry> _byAge = new();
    private long _bytes, _evicted;

    private sealed class Entry(string key)
    {
        public readonly string Key = key;
        public object Value = "";
        public long Expires, Size;
    }

    public long Evicted => Volatile.Read(ref _evicted);

    public object? Get(string key, long now)
    {
        lock (_lock) return Live(key, now)?.Value;
    }

    /// <summary>False: it was there and <paramref name="onlyNew"/> is set, or it is larger than the table.</summary>
    public bool Set(string key, object value, long ttlMicros, long now, bool onlyNew)
    {
        lock (_lock)
        {
            if (Live(key, now) is not null && onlyNew) return false;
            Remove(key);
            long size = EntryCost + key.Length * 2 + ((value as byte[])?.Length ?? 8);
            if (size > MaxBytes) return false;
            while (_bytes + size > MaxBytes && _byAge.First is { } oldest)
            {
                Remove(oldest.Value.Key);
                _evicted++;
            }
            _entries[key] = _byAge.AddLast(new Entry(key) { Value = value, Expires = ttlMicros > 0 ? now + ttlMicros : long.MaxValue,
                Size = size });
            _bytes += size;
            return true;
        }
    }

    /// <summary>The new value; null when what is there is no number.</summary>
    public double? Increment(string key, double by, double initial, long ttlMicros, long now)
    {
        lock (_lock)
        {
            if (Live(key, now) is { } entry)
            {
                if (entry.Value is not double number) return null;
                entry.Value = number + by;
                return number + by;
            }
            Set(key, initial + by, ttlMicros, now, onlyNew: false);
            return initial + by;
        }
    }

    public void Delete(string key)
    {
        lock (_lock) Remove(key);
    }

    private Entry? Live(string key, long now)
    {
        if (!_entries.TryGetValue(key, out var node)) return null;
        if (node.Value.Expires > now) return node.Value;
        Remove(key);
        return null;
    }

    private void Remove(string key)
    {
        if (!_entries.Remove(key, out var node)) return;
        _byAge.Remove(node);
        _bytes -= node.Value.Size;
    }
}
