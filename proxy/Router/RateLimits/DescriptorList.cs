using System.Buffers.Binary;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Router.RateLimits;

/// <summary>
/// Descriptors of one request, one behind the other in one buffer: for each entry the length of its key and its value (two bytes each), the
/// key, the value. So a descriptor's bytes are its identity.
/// </summary>
internal sealed class DescriptorList
{
    private const int MostBytes = 4096; // of a value; a longer one is cut

    private readonly ByteWriter _bytes = new(0);
    private readonly List<int> _ends = [];
    private int _begun;

    public int Count => _ends.Count;

    public ReadOnlySpan<byte> this[int index] => _bytes.Written[(index == 0 ? 0 : _ends[index - 1]).._ends[index]];

    public void Clear()
    {
        _bytes.Release(keep: 4096);
        _ends.Clear();
    }

    public void Begin() => _begun = _bytes.Length;

    public void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (value.Length > MostBytes) value = value[..MostBytes];
        var lengths = _bytes.GetSpan(4);
        BinaryPrimitives.WriteUInt16LittleEndian(lengths, (ushort)key.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(lengths[2..], (ushort)value.Length);
        _bytes.Advance(4);
        _bytes.Write(key);
        _bytes.Write(value);
    }

    /// <summary>The descriptor that was begun is whole; one without entries, or one that is given up, is none.</summary>
    public void End(bool keep)
    {
        if (keep && _bytes.Length > _begun) _ends.Add(_bytes.Length); else _bytes.Truncate(_begun);
    }

    /// <summary>Takes the next entry off a descriptor's bytes.</summary>
    public static bool Next(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
    {
        key = value = default;
        if (rest.IsEmpty) return false;
        int keyLength = BinaryPrimitives.ReadUInt16LittleEndian(rest), valueLength = BinaryPrimitives.ReadUInt16LittleEndian(rest[2..]);
        key = rest.Slice(4, keyLength);
        value = rest.Slice(4 + keyLength, valueLength);
        rest = rest[(4 + keyLength + valueLength)..];
        return true;
    }
}
