using System.Buffers.Binary;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>
/// The ABI's form of a map: u32 count; for each pair u32 length of key and of value; then key NUL value NUL for each; little endian.
/// The NULs are not in the lengths.
/// </summary>
internal static class HeaderPairs
{
    private const int MaxBytes = 1 << 20, MaxPairs = 1024;

    public static void Write(HeaderMap headers, ByteWriter into)
    {
        Number(into, headers.Count);
        int cursor = 0;
        while (headers.Next(ref cursor, out ReadOnlySpan<byte> name, out var value))
        {
            Number(into, name.Length);
            Number(into, value.Length);
        }
        cursor = 0;
        while (headers.Next(ref cursor, out ReadOnlySpan<byte> name, out var value))
        {
            into.Write(name);
            into.Write((byte)0);
            into.Write(value);
            into.Write((byte)0);
        }
    }

    /// <summary>For values that are maps themselves.</summary>
    public static void Write(IReadOnlyList<(byte[] Key, byte[] Value)> pairs, ByteWriter into)
    {
        Number(into, pairs.Count);
        foreach (var (key, value) in pairs)
        {
            Number(into, key.Length);
            Number(into, value.Length);
        }
        foreach (var (key, value) in pairs)
        {
            into.Write(key);
            into.Write((byte)0);
            into.Write(value);
            into.Write((byte)0);
        }
    }

    /// <summary>
    /// Walks pairs: nothing for an empty map in any of the forms that guests send (no bytes, one zero byte, a zero count); false when the
    /// bytes are no map.
    /// </summary>
    public static bool TryOpen(ReadOnlySpan<byte> bytes, out Reader reader)
    {
        reader = default;
        if (bytes.IsEmpty || (bytes.Length == 1 && bytes[0] == 0)) return true;
        if (bytes.Length is < 4 or > MaxBytes) return false;
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (count > MaxPairs || bytes.Length < 4 + count * 8) return false;
        long end = 4 + count * 8;
        for (int i = 0; i < count; i++)
            for (int part = 0; part < 2; part++)
            {
                end += BinaryPrimitives.ReadUInt32LittleEndian(bytes[(4 + i * 8 + part * 4)..]) + 1L;
                if (end > bytes.Length || bytes[(int)end - 1] != 0) return false;
            }
        if (end != bytes.Length) return false;
        reader = new Reader(bytes, (int)count);
        return true;
    }

    internal ref struct Reader(ReadOnlySpan<byte> bytes, int count)
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;
        private int _index, _at = 4 + count * 8;

        public bool Next(out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
        {
            name = value = default;
            if (_index >= count) return false;
            int nameLength = BinaryPrimitives.ReadInt32LittleEndian(_bytes[(4 + _index * 8)..]),
                valueLength = BinaryPrimitives.ReadInt32LittleEndian(_bytes[(8 + _index * 8)..]);
            name = _bytes.Slice(_at, nameLength);
            value = _bytes.Slice(_at + nameLength + 1, valueLength);
            _at += nameLength + valueLength + 2;
            _index++;
            return true;
        }
    }

    private static void Number(ByteWriter into, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(into.GetSpan(4), value);
        into.Advance(4);
    }
}
