using System.Buffers;
using System.Text;

namespace Managed.Proxy.Http.Headers;

/// <summary>
/// The fields of one message, in order, names in lower case, pseudo-headers (<c>:method</c>, <c>:path</c>, <c>:authority</c>,
/// <c>:scheme</c>, <c>:status</c>) among them, as in Envoy. The bytes lie in one arena that the map owns; a map is reused from
/// message to message and allocates only to grow.
/// <para>Protocol of use: one worker, one stream. A span that a getter gave is valid until the next change of the map.
/// Values are bytes without CR, LF and NUL: codecs and setters check, readers may rely on it.</para>
/// </summary>
public sealed class HeaderMap
{
    private struct Entry
    {
        public int NameStart, ValueStart, ValueLength;
        public ushort NameLength; // 0: removed
        public HeaderId Id;
        public short Next; // next entry of the same known name, -1: none
        public bool NeverIndexed;
    }

    // No peer takes more; indexes are 16 bits wide.
    private const int MaxFields = 2000, MaxBytes = 1 << 20;
    // What a map keeps from message to message.
    private const int KeptBytes = 16 * 1024;

    // None before the first field: of a stream's four maps one is in use while it waits for a body.
    private byte[] _arena = []; // rented where it is larger than KeptBytes
    private Entry[] _entries = [];
    private readonly short[] _first = new short[(int)HeaderId.Count]; // entry + 1 of a known name; 0: absent
    private int _used, _entryCount, _live;

    /// <summary>
    /// Of a response, in place of the standard phrase of its status; HTTP/1.1 alone has one (RFC 9112 section 4). Null: the standard one.
    /// </summary>
    public byte[]? ReasonPhrase { get; set; }

    /// <summary>Number of fields, pseudo-headers included.</summary>
    public int Count => _live;

    /// <summary>Sum of name and value lengths plus 4 for each field (": " and CRLF), as sent by HTTP/1.1.</summary>
    public int ByteSize
    {
        get
        {
            int size = 0;
            for (int i = 0; i < _entryCount; i++)
                if (_entries[i].NameLength != 0) size += _entries[i].NameLength + _entries[i].ValueLength + 4;
            return size;
        }
    }

    public void Clear()
    {
        _used = _entryCount = _live = 0;
        ReasonPhrase = null;
        Array.Clear(_first);
    }

    /// <summary>Forgets the fields, and the room that only an unusual message needed.</summary>
    internal void Shrink()
    {
        Clear();
        if (_arena.Length > KeptBytes)
        {
            ArrayPool<byte>.Shared.Return(_arena);
            _arena = [];
        }
        if (_entries.Length > 192) _entries = [];
    }

    public bool Has(HeaderId id) => _first[(int)id] != 0;

    /// <summary>The first value; empty when absent (use <see cref="Has(HeaderId)"/> to tell).</summary>
    public ReadOnlySpan<byte> Get(HeaderId id)
    {
        int i = _first[(int)id] - 1;
        return i < 0 ? default : Value(i);
    }

    /// <summary>The first value of a lower-case name.</summary>
    public bool TryGet(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        int i = IndexOf(name);
        value = i < 0 ? default : Value(i);
        return i >= 0;
    }

    /// <summary>How many fields have this lower-case name.</summary>
    public int CountOf(ReadOnlySpan<byte> name)
    {
        int n = 0;
        for (int i = 0; i < _entryCount; i++) if (Is(i, name)) n++;
        return n;
    }

    /// <summary>The value of the <paramref name="index"/>th field (from 0) of this lower-case name.</summary>
    public bool TryGetAt(ReadOnlySpan<byte> name, int index, out ReadOnlySpan<byte> value)
    {
        for (int i = 0; i < _entryCount; i++)
            if (Is(i, name) && index-- == 0) { value = Value(i); return true; }
        value = default;
        return false;
    }

    /// <summary>Appends a field. The name must be lower case; both are copied.</summary>
    public void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => Append(HeaderNames.Find(name), name, value);

    public void Add(HeaderId id, ReadOnlySpan<byte> value) => Append(id, HeaderNames.Of(id), value);

    /// <summary>One field of this name with this value: the first is replaced in place, further ones go.</summary>
    public void Set(HeaderId id, ReadOnlySpan<byte> value)
    {
        int i = _first[(int)id] - 1;
        if (i < 0) { Append(id, HeaderNames.Of(id), value); return; }
        Replace(i, value);
        for (int j = _entries[i].Next; j >= 0; j = _entries[j].Next) Kill(j);
        _entries[i].Next = -1;
    }

    public void Set(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var id = HeaderNames.Find(name);
        if (id != HeaderId.Unknown) { Set(id, value); return; }
        int i = IndexOf(name);
        if (i < 0) { Append(id, name, value); return; }
        Replace(i, value);
        for (int j = i + 1; j < _entryCount; j++) if (Is(j, name)) Kill(j);
    }

    /// <summary>Number of fields removed.</summary>
    public int Remove(HeaderId id)
    {
        int n = 0;
        for (int i = _first[(int)id] - 1; i >= 0; i = _entries[i].Next) { Kill(i); n++; }
        _first[(int)id] = 0;
        return n;
    }

    public int Remove(ReadOnlySpan<byte> name)
    {
        var id = HeaderNames.Find(name);
        if (id != HeaderId.Unknown) return Remove(id);
        int n = 0;
        for (int i = 0; i < _entryCount; i++) if (Is(i, name)) { Kill(i); n++; }
        return n;
    }

    /// <summary>
    /// Walks the fields: <c>int cursor = 0; while (map.Next(ref cursor, out var name, out var value)) …</c>.
    /// Fields may be removed during the walk by <see cref="RemoveLast"/>; other changes end its validity.
    /// </summary>
    public bool Next(ref int cursor, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
        => Next(ref cursor, out _, out name, out value);

    public bool Next(ref int cursor, out HeaderId id, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        while (cursor < _entryCount)
        {
            ref var e = ref _entries[cursor++];
            if (e.NameLength == 0) continue;
            id = e.Id;
            name = _arena.AsSpan(e.NameStart, e.NameLength);
            value = _arena.AsSpan(e.ValueStart, e.ValueLength);
            return true;
        }
        id = default;
        name = value = default;
        return false;
    }

    /// <summary>
    /// The field that was added last is one that its sender lets into no table of HPACK, and nobody behind it may (RFC 7541 section 7.1.3).
    /// What replaces its value is another one.
    /// </summary>
    internal void MarkNeverIndexed() => _entries[_entryCount - 1].NeverIndexed = true;

    /// <summary>So it is with what the last Next gave.</summary>
    internal bool IsNeverIndexed(int cursor) => _entries[cursor - 1].NeverIndexed;

    /// <summary>Removes the field that the last <see cref="Next(ref int, out ReadOnlySpan{byte}, out ReadOnlySpan{byte})"/> gave.</summary>
    public void RemoveLast(int cursor)
    {
        int i = cursor - 1;
        var id = _entries[i].Id;
        if (id != HeaderId.Unknown) Unlink(id, i);
        Kill(i);
    }

    /// <summary>
    /// Whether a field of so many bytes may come to what is there, where whoever adds it is not to be trusted. Drops what removed and
    /// replaced fields left behind: spans of before are void.
    /// </summary>
    internal bool HasRoomFor(int bytes)
    {
        if (_entryCount < MaxFields && _used + (long)bytes <= MaxBytes) return true;
        // Only where it makes room for many: a map that is nearly full must not be copied for each of them.
        if (_live > MaxFields / 4 * 3 || ByteSize > MaxBytes / 4 * 3) return false;
        var copy = new HeaderMap();
        copy.CopyFrom(this);
        (_arena, _entries, _used, _entryCount) = (copy._arena, copy._entries, copy._used, copy._entryCount);
        copy._first.CopyTo(_first.AsSpan());
        return _entryCount < MaxFields && _used + (long)bytes <= MaxBytes;
    }

    public void CopyFrom(HeaderMap other)
    {
        Clear();
        int cursor = 0;
        while (other.Next(ref cursor, out var id, out var name, out var value))
        {
            Append(id, name, value);
            if (other.IsNeverIndexed(cursor)) MarkNeverIndexed();
        }
    }

    // ---- for people and for tests: these allocate

    public string? GetString(string name) => TryGet(Encoding.Latin1.GetBytes(name), out var v) ? Encoding.Latin1.GetString(v) : null;
    public void Add(string name, string value) => Add(Encoding.Latin1.GetBytes(name.ToLowerInvariant()), Encoding.Latin1.GetBytes(value));
    public void Set(string name, string value) => Set(Encoding.Latin1.GetBytes(name.ToLowerInvariant()), Encoding.Latin1.GetBytes(value));

    public override string ToString()
    {
        var text = new StringBuilder();
        int cursor = 0;
        while (Next(ref cursor, out ReadOnlySpan<byte> name, out var value))
            text.Append(Encoding.Latin1.GetString(name)).Append(": ").Append(Encoding.Latin1.GetString(value)).Append('\n');
        return text.ToString();
    }

    private void Append(HeaderId id, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (_entryCount == _entries.Length) Array.Resize(ref _entries, Math.Max(24, _entries.Length * 2));
        int start = Reserve(name.Length + value.Length, name, value, out name, out value);
        name.CopyTo(_arena.AsSpan(start));
        value.CopyTo(_arena.AsSpan(start + name.Length));
        int index = _entryCount++;
        _live++;
        _entries[index] = new Entry { NameStart = start, NameLength = (ushort)name.Length, ValueStart = start + name.Length,
            ValueLength = value.Length, Id = id, Next = -1 };
        if (id == HeaderId.Unknown) return;
        if (_first[(int)id] == 0) { _first[(int)id] = (short)(index + 1); return; }
        int last = _first[(int)id] - 1;
        while (_entries[last].Next >= 0) last = _entries[last].Next;
        _entries[last].Next = (short)index;
    }

    // A source span may lie in this very arena (a value taken from one field and put into another): when the arena
    // moves, the old array stays alive through the span, so copying from it stays right.
    private int Reserve(int size, ReadOnlySpan<byte> n, ReadOnlySpan<byte> v, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        name = n;
        value = v;
        if (_arena.Length - _used < size)
        {
            int room = Math.Max(Math.Max(512, _arena.Length * 2), _used + size);
            // The former one is left to the collector: a span may lie in it.
            byte[] larger = room > KeptBytes ? ArrayPool<byte>.Shared.Rent(room) : new byte[room];
            _arena.AsSpan(0, _used).CopyTo(larger);
            _arena = larger;
        }
        int start = _used;
        _used += size;
        return start;
    }

    private void Replace(int i, ReadOnlySpan<byte> value)
    {
        ref var e = ref _entries[i];
        if (value.Length > e.ValueLength)
            e.ValueStart = Reserve(value.Length, default, value, out _, out value);
        value.CopyTo(_arena.AsSpan(e.ValueStart));
        e.ValueLength = value.Length;
    }

    private void Unlink(HeaderId id, int index)
    {
        int i = _first[(int)id] - 1;
        if (i == index) { _first[(int)id] = (short)(_entries[i].Next + 1); return; }
        while (_entries[i].Next != index) i = _entries[i].Next;
        _entries[i].Next = _entries[index].Next;
    }

    private void Kill(int i)
    {
        _entries[i].NameLength = 0;
        _live--;
    }

    private ReadOnlySpan<byte> Value(int i) => _arena.AsSpan(_entries[i].ValueStart, _entries[i].ValueLength);

    private bool Is(int i, ReadOnlySpan<byte> name)
        => _entries[i].NameLength == name.Length && name.Length != 0
        && _arena.AsSpan(_entries[i].NameStart, name.Length).SequenceEqual(name);

    private int IndexOf(ReadOnlySpan<byte> name)
    {
        var id = HeaderNames.Find(name);
        if (id != HeaderId.Unknown) return _first[(int)id] - 1;
        for (int i = 0; i < _entryCount; i++) if (Is(i, name)) return i;
        return -1;
    }
}
