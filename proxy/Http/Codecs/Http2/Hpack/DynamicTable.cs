using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http2.Hpack;

/// <summary>
/// The fields that one direction of a connection has sent before, the newest at index 0 (RFC 7541 section 2.3.2). Their bytes lie one
/// behind the other in a buffer of the worker's pool; going is from the front, so what lives is one run, moved to the beginning when the
/// end is reached. None of it exists before the first field.
/// </summary>
internal sealed class DynamicTable(BufferPool pool)
{
    /// <summary>What a field counts beside its bytes (section 4.1).</summary>
    public const int Overhead = 32;

    private struct Entry
    {
        public int Start, NameLength, ValueLength, Older;
        public HeaderId Id;
        public bool IsGood;
    }

    private byte[] _bytes = [];
    private Entry[] _entries = []; // a ring; the number of a field, modulo its length, is its place
    private int _origin, _end; // positions count on for ever; the byte of position p is _bytes[p - _origin]
    private int _added; // number of the next field

    public int Count { get; private set; }
    public int Size { get; private set; }
    public int MaxSize { get; private set; } = 4096;
    /// <summary>The number that the next field will have; the field at index i has this minus 1 minus i.</summary>
    public int Added => _added;

    public HeaderId Id(int index) => At(index).Id;
    public bool IsGood(int index) => At(index).IsGood;
    public ReadOnlySpan<byte> Name(int index) => _bytes.AsSpan(At(index).Start - _origin, At(index).NameLength);
    public ReadOnlySpan<byte> Value(int index) => _bytes.AsSpan(At(index).Start - _origin + At(index).NameLength, At(index).ValueLength);
    /// <summary>What was given with the field: the number of an older one that its owner links it to.</summary>
    public int Older(int index) => At(index).Older;

    public static int SizeOf(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => name.Length + value.Length + Overhead;

    /// <summary>Evicts what is too much for the new size.</summary>
    public void Resize(int maxSize)
    {
        MaxSize = maxSize;
        EvictTo(maxSize);
    }

    /// <summary>Adds a field, whose bytes must not lie in this table; one larger than the table empties it (section 4.4).</summary>
    public void Add(HeaderId id, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool isGood, int older = 0)
    {
        int size = SizeOf(name, value), length = name.Length + value.Length;
        if (size > MaxSize) { EvictTo(0); return; }
        EvictTo(MaxSize - size);
        if (Count == _entries.Length) GrowEntries();
        if (_end - _origin + length > _bytes.Length) MakeRoom(length);
        var to = _bytes.AsSpan(_end - _origin);
        name.CopyTo(to);
        value.CopyTo(to[name.Length..]);
        _entries[_added & (_entries.Length - 1)] = new Entry
        {
            Start = _end, NameLength = name.Length, ValueLength = value.Length, Older = older, Id = id, IsGood = isGood,
        };
        _end += length;
        _added++;
        Count++;
        Size += size;
    }

    /// <summary>Gives the buffer back; the table is empty then.</summary>
    public void Release()
    {
        EvictTo(0);
        if (_bytes.Length > 0) pool.Return(_bytes);
        _bytes = [];
    }

    private ref Entry At(int index) => ref _entries[(_added - 1 - index) & (_entries.Length - 1)];

    private void EvictTo(int size)
    {
        while (Size > size)
        {
            ref var oldest = ref At(Count - 1);
            Size -= oldest.NameLength + oldest.ValueLength + Overhead;
            Count--;
        }
        if (Count == 0) _origin = _end;
    }

    private void GrowEntries()
    {
        var larger = new Entry[Math.Max(16, _entries.Length * 2)];
        for (int i = 0; i < Count; i++) larger[(_added - 1 - i) & (larger.Length - 1)] = At(i);
        _entries = larger;
    }

    // A buffer of the table's size needs no other: what each field counts beside its bytes is room that moving makes free again.
    private void MakeRoom(int length)
    {
        int start = Count == 0 ? _end : At(Count - 1).Start, live = _end - start;
        var from = _bytes.AsSpan(start - _origin, live);
        if (live + length <= _bytes.Length / 2 || _bytes.Length >= MaxSize) from.CopyTo(_bytes);
        else
        {
            byte[] larger = pool.Rent(Math.Min(2 * (live + length), MaxSize));
            from.CopyTo(larger);
            if (_bytes.Length > 0) pool.Return(_bytes);
            _bytes = larger;
        }
        _origin = start;
    }
}
