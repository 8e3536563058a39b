using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>The key-value store of one vm_id, for its VMs on all workers; it outlives them. Bounded in bytes.</summary>
internal sealed class SharedData
{
    private const int Overhead = 100; // an entry's own, about

    private sealed class Entry
    {
        public byte[] Bytes = [];
        public int Length;
        public uint Cas;
    }

    private readonly Lock _lock = new();
    private readonly Dictionary<byte[], Entry> _entries = new(ByteKeys.Comparer);
    private long _size;
    private uint _lastCas;

    /// <summary>Most bytes of keys and values.</summary>
    public long Limit { get; set; }

    /// <summary>The value is copied into <paramref name="into"/>.</summary>
    public WasmStatus Get(ReadOnlySpan<byte> key, Core.Buffers.ByteWriter into, out uint cas)
    {
        cas = 0;
        lock (_lock)
        {
            if (!_entries.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out var entry)) return WasmStatus.NotFound;
            into.Write(entry.Bytes.AsSpan(0, entry.Length));
            cas = entry.Cas;
            return WasmStatus.Ok;
        }
    }

    /// <param name="key">Any bytes.</param>
    /// <param name="value">Any bytes.</param>
    /// <param name="cas">The number that the last reader got; 0: whatever it is now.</param>
    public WasmStatus Set(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, uint cas)
    {
        lock (_lock)
        {
            var lookup = _entries.GetAlternateLookup<ReadOnlySpan<byte>>();
            bool known = lookup.TryGetValue(key, out var entry);
            if (known && cas != 0 && cas != entry!.Cas) return WasmStatus.CasMismatch;
            long more = known ? Math.Max(0, value.Length - entry!.Bytes.Length) : Overhead + key.Length + value.Length;
            if (_size + more > Limit) return WasmStatus.InternalFailure;
            if (!known) lookup[key] = entry = new Entry();
            // A value of the same size or less takes the place of the old.
            if (entry!.Bytes.Length < value.Length) entry.Bytes = new byte[value.Length];
            _size += more;
            value.CopyTo(entry.Bytes);
            entry.Length = value.Length;
            if (++_lastCas == 0) _lastCas = 1; // 0 means: whatever it is
            entry.Cas = _lastCas;
            return WasmStatus.Ok;
        }
    }
}
