using System.Buffers.Binary;

namespace Managed.Proxy.Http.Codecs.Http2.Hpack;

/// <summary>Huffman-coded strings (RFC 7541 section 5.2).</summary>
internal static class Huffman
{
    /// <summary>What so many coded bytes become at most: no code is shorter than five bits.</summary>
    public static int MaxDecoded(int length) => (int)(length * 8L / 5);

    /// <summary>
    /// Bytes written to <paramref name="to"/>, which has room for <see cref="MaxDecoded"/>; -1 when it is no such string: an
    /// end-of-string symbol in it, padding of eight bits or more, or padding that is not all ones.
    /// </summary>
    public static int Decode(ReadOnlySpan<byte> source, Span<byte> to)
    {
        ReadOnlySpan<ushort> quick = HuffmanCode.Quick;
        ulong bits = 0; // the next one is the highest
        int count = 0, at = 0, written = 0;
        while (true)
        {
            if (count <= 32)
            {
                if (source.Length - at >= 4)
                {
                    bits |= (ulong)BinaryPrimitives.ReadUInt32BigEndian(source[at..]) << (32 - count);
                    at += 4;
                    count += 32;
                }
                else
                    for (; at < source.Length && count <= 56; count += 8) bits |= (ulong)source[at++] << (56 - count);
            }
            int entry = quick[(int)(bits >> (64 - HuffmanCode.QuickBits))], length = entry & 0xFF, symbol = entry >> 8;
            if (entry == 0) symbol = HuffmanCode.FindLong((uint)(bits >> 32), out length);
            if (length > count) break;
            if (symbol == HuffmanCode.EndOfString) return -1;
            to[written++] = (byte)symbol;
            bits <<= length;
            count -= length;
        }
        return count == 0 || (count < 8 && bits >> (64 - count) == (1UL << count) - 1) ? written : -1;
    }

    /// <summary>Bytes that <see cref="Encode"/> would write.</summary>
    public static int EncodedLength(ReadOnlySpan<byte> text)
    {
        ReadOnlySpan<byte> lengths = HuffmanCode.Lengths;
        long bits = 0;
        foreach (byte b in text) bits += lengths[b];
        return (int)((bits + 7) / 8);
    }

    /// <summary>Writes the coded form; <paramref name="to"/> has room for it and 4 bytes more.</summary>
    public static int Encode(ReadOnlySpan<byte> text, Span<byte> to)
    {
        ReadOnlySpan<byte> lengths = HuffmanCode.Lengths;
        ReadOnlySpan<uint> codes = HuffmanCode.Codes;
        ulong bits = 0; // the last one is the lowest
        int count = 0, written = 0;
        foreach (byte b in text)
        {
            bits = bits << lengths[b] | codes[b];
            count += lengths[b];
            if (count < 32) continue;
            count -= 32;
            BinaryPrimitives.WriteUInt32BigEndian(to[written..], (uint)(bits >> count));
            written += 4;
        }
        if (count == 0) return written;
        uint rest = (uint)(bits << (32 - count)) | uint.MaxValue >> count; // ones behind the last code
        for (; count > 0; count -= 8, rest <<= 8) to[written++] = (byte)(rest >> 24);
        return written;
    }
}
