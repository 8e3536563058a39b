using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http2.Hpack;

/// <summary>
/// The header blocks that a peer sends, one after another (RFC 7541). Protocol of use: <see cref="Begin"/> with a whole block, then
/// <see cref="Next"/> until it says End or Error; a block must be read to its end, also one that nobody wants, as later ones refer to it.
/// <para>The work is in proportion to the block: an index costs a look into a table, whatever it stands for, so who adds up the sizes of
/// what comes out and stops copying at a limit is safe from blocks that unfold.</para>
/// </summary>
internal sealed class HpackDecoder(BufferPool pool)
{
    private readonly DynamicTable _table = new(pool);
    private byte[] _scratch = [];
    private int _limit = 4096; // what the peer may use
    private bool _mustShrink, _mayResize;

    /// <summary>Bytes of the peer's fields that are remembered.</summary>
    public int TableSize => _table.Size;

    /// <summary>
    /// The peer has acknowledged a SETTINGS_HEADER_TABLE_SIZE of ours. When it was using more, its next block has to begin with the smaller
    /// size (RFC 9113 section 4.3.1).
    /// </summary>
    public void SetLimit(int bytes)
    {
        _limit = bytes;
        _mustShrink |= _table.MaxSize > bytes;
    }

    public void Begin() => _mayResize = true;

    /// <summary>The next field of the block at <paramref name="at"/>, which is moved behind it.</summary>
    public HpackResult Next(ReadOnlySpan<byte> block, scoped ref int at, out HpackField field)
    {
        field = default;
        while (at < block.Length)
        {
            int first = block[at];
            if ((first & 0xE0) == 0x20)
            {
                if (!_mayResize || !HpackInteger.TryRead(block, ref at, 5, out int size) || size > _limit) return HpackResult.Error;
                _table.Resize(size);
                _mustShrink = false;
                continue;
            }
            if (_mustShrink) return HpackResult.Error;
            _mayResize = false;
            bool good = first >= 0x80 ? ReadIndexed(block, ref at, ref field) : ReadLiteral(block, ref at, first, ref field);
            return good ? HpackResult.Field : HpackResult.Error;
        }
        ReleaseScratch();
        return _mustShrink ? HpackResult.Error : HpackResult.End;
    }

    public void Release()
    {
        ReleaseScratch();
        _table.Release();
    }

    private bool ReadIndexed(ReadOnlySpan<byte> block, scoped ref int at, ref HpackField field)
    {
        if (!HpackInteger.TryRead(block, ref at, 7, out int index) || index == 0) return false;
        if (index <= StaticTable.Count)
        {
            field.Id = StaticTable.Id(index);
            field.Name = StaticTable.Name(index);
            field.Value = StaticTable.Value(index);
            field.IsGood = true;
            return true;
        }
        index -= StaticTable.Count + 1;
        if (index >= _table.Count) return false;
        field.Id = _table.Id(index);
        field.Name = _table.Name(index);
        field.Value = _table.Value(index);
        field.IsGood = _table.IsGood(index);
        return true;
    }

    private bool ReadLiteral(ReadOnlySpan<byte> block, scoped ref int at, int first, ref HpackField field)
    {
        bool indexed = first >= 0x40;
        field.NeverIndexed = (first & 0xF0) == 0x10;
        if (!HpackInteger.TryRead(block, ref at, indexed ? 6 : 4, out int index)) return false;
        int used = 0;
        if (index == 0)
        {
            if (!ReadString(block, ref at, ref used, out field.Name)) return false;
            field.Id = HeaderNames.Find(field.Name);
        }
        else if (index <= StaticTable.Count)
        {
            field.Id = StaticTable.Id(index);
            field.Name = StaticTable.Name(index);
        }
        else
        {
            index -= StaticTable.Count + 1;
            if (index >= _table.Count) return false;
            field.Id = _table.Id(index);
            field.Name = _table.Name(index);
            // Adding may move it or evict it.
            if (indexed) field.Name = Keep(field.Name, block.Length, ref used);
        }
        if (!ReadString(block, ref at, ref used, out field.Value)) return false;
        field.IsGood = FieldRules.IsGood(field.Name, field.Value);
        if (indexed) _table.Add(field.Id, field.Name, field.Value, field.IsGood);
        return true;
    }

    // Where it lies, or decoded behind what is used of the scratch.
    private bool ReadString(ReadOnlySpan<byte> block, scoped ref int at, scoped ref int used, out ReadOnlySpan<byte> text)
    {
        text = default;
        if (at == block.Length) return false;
        bool huffman = block[at] >= 0x80;
        if (!HpackInteger.TryRead(block, ref at, 7, out int length) || length > block.Length - at) return false;
        text = block.Slice(at, length);
        at += length;
        if (!huffman) return true;
        int decoded = Huffman.Decode(text, Scratch(block.Length)[used..]);
        if (decoded < 0) return false;
        text = _scratch.AsSpan(used, decoded);
        used += decoded;
        return true;
    }

    private ReadOnlySpan<byte> Keep(ReadOnlySpan<byte> name, int blockLength, scoped ref int used)
    {
        name.CopyTo(Scratch(blockLength));
        used = name.Length;
        return _scratch.AsSpan(0, used);
    }

    // One for the block: a name out of the table, and all of the block decoded.
    private Span<byte> Scratch(int blockLength)
    {
        if (_scratch.Length == 0) _scratch = pool.Rent(Huffman.MaxDecoded(blockLength) + _table.Size);
        return _scratch;
    }

    private void ReleaseScratch()
    {
        if (_scratch.Length > 0) pool.Return(_scratch);
        _scratch = [];
    }
}
