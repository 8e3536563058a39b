using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http2.Hpack;

/// <summary>
/// The header blocks that we send, one after another, in the order in which they go out (RFC 7541). What comes again and again gets into
/// the table; what is new in each message does not, as it would push the others out; what is secret is marked so that nobody on the way
/// lets it into a table (section 7.1.3).
/// </summary>
internal sealed class HpackEncoder(BufferPool pool)
{
    private const int Buckets = 128;
    // Fields of one name that are compared: the newest are the likeliest.
    private const int MaxTries = 16;

    private readonly DynamicTable _table = new(pool);
    private readonly int[] _newest = new int[Buckets]; // number + 1 of the newest field of names that fall there; 0: none yet
    private int _ours = 4096, _smallest = int.MaxValue;
    private bool _resized;

    public int TableSize => _table.Size;

    /// <summary>Of our own wish, bytes; the peer's setting is a limit beside it.</summary>
    public int MaxTableSize { get; init; } = 4096;

    /// <summary>Strings go out Huffman-coded where that is shorter.</summary>
    public bool UsesHuffman { get; init; } = true;

    /// <summary>The peer's SETTINGS_HEADER_TABLE_SIZE: takes effect, and is said, at the beginning of the next block.</summary>
    public void SetPeerLimit(long bytes)
    {
        int size = (int)Math.Min(bytes, MaxTableSize);
        _smallest = Math.Min(_smallest, size);
        _ours = size;
        _resized = true;
    }

    public void Begin(ByteWriter to)
    {
        if (!_resized && _ours > MaxTableSize) SetPeerLimit(_ours);
        if (!_resized) return;
        _resized = false;
        // Section 4.2: the smallest size that there was in between, then the last.
        if (_smallest < _ours && _smallest < _table.MaxSize) Resize(_smallest, to);
        if (_ours != _table.MaxSize) Resize(_ours, to);
        _smallest = int.MaxValue;
    }

    /// <param name="id">Of the name.</param>
    /// <param name="name">In lower case.</param>
    /// <param name="value">Likewise a field's.</param>
    /// <param name="to">Where the block is.</param>
    /// <param name="never">Whoever sent it to us had it in no table.</param>
    public void Field(HeaderId id, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, ByteWriter to, bool never = false)
    {
        int nameIndex = StaticTable.Find(id, name);
        if (!never && nameIndex > 0 && StaticTable.FindValue(nameIndex, value) is > 0 and var index)
        {
            Put(0x80, 7, index, to);
            return;
        }
        var policy = never ? Indexing.Never : IndexingPolicy.Of(id, name, value.Length);
        bool adds = policy == Indexing.Add && DynamicTable.SizeOf(name, value) <= _table.MaxSize / 2;
        int bucket = 0, older = 0;
        if (policy != Indexing.Never && _table.MaxSize > 0)
        {
            bucket = BucketOf(id, name);
            older = _newest[bucket];
            if (FindInTable(id, name, value, ref nameIndex) is > 0 and var known)
            {
                Put(0x80, 7, known, to);
                return;
            }
        }
        if (adds) Put(0x40, 6, nameIndex, to);
        else Put(policy == Indexing.Never ? 0x10 : 0, 4, nameIndex, to);
        if (nameIndex == 0) Text(name, to);
        Text(value, to);
        if (!adds) return;
        _table.Add(id, name, value, isGood: true, older);
        _newest[bucket] = _table.Added;
    }

    public void Release() => _table.Release();

    // The index of this very field; else 0, and the index of its name where there is none yet.
    private int FindInTable(HeaderId id, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, ref int nameIndex)
    {
        int number = _newest[BucketOf(id, name)];
        for (int tries = 0; number != 0 && tries < MaxTries; tries++)
        {
            int index = _table.Added - number;
            if ((uint)index >= (uint)_table.Count) return 0;
            if (_table.Id(index) == id && (id != HeaderId.Unknown || name.SequenceEqual(_table.Name(index))))
            {
                if (value.SequenceEqual(_table.Value(index))) return StaticTable.Count + 1 + index;
                if (nameIndex == 0) nameIndex = StaticTable.Count + 1 + index;
            }
            number = _table.Older(index);
        }
        return 0;
    }

    private static int BucketOf(HeaderId id, ReadOnlySpan<byte> name)
        => id != HeaderId.Unknown ? (int)id : Buckets / 2 + ((name.Length * 7 + name[^1] * 3 + name[name.Length / 2]) & (Buckets / 2 - 1));

    private void Resize(int size, ByteWriter to)
    {
        _table.Resize(size);
        Put(0x20, 5, size, to);
    }

    private static void Put(int pattern, int prefixBits, int value, ByteWriter to)
        => to.Advance(HpackInteger.Write(to.GetSpan(6), pattern, prefixBits, value));

    private void Text(ReadOnlySpan<byte> text, ByteWriter to)
    {
        var span = to.GetSpan(text.Length + 10);
        int coded = UsesHuffman ? Huffman.EncodedLength(text) : int.MaxValue, n;
        if (coded < text.Length)
        {
            n = HpackInteger.Write(span, 0x80, 7, coded);
            n += Huffman.Encode(text, span[n..]);
        }
        else
        {
            n = HpackInteger.Write(span, 0, 7, text.Length);
            text.CopyTo(span[n..]);
            n += text.Length;
        }
        to.Advance(n);
    }
}
