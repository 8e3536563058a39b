namespace Managed.Proxy.Http.Codecs.Http2.Hpack;

/// <summary>
/// The Huffman code of RFC 7541 appendix B. It is canonical (codes of one length count upwards in the order of their symbols, and go on
/// doubled at the next length), so the lengths say all of it.
/// </summary>
internal static class HuffmanCode
{
    /// <summary>
    /// Bits of the codes that one look into <see cref="Quick"/> finds: all of letters, digits and most of what stands in URIs.
    /// </summary>
    public const int QuickBits = 10;
    public const int MaxLength = 30, EndOfString = 256;

    /// <summary>Bits of the code of each byte; the last entry is the end-of-string symbol, which never stands in a string.</summary>
    public static ReadOnlySpan<byte> Lengths =>
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ];

    /// <summary>The code of each byte, in its lowest bits.</summary>
    public static readonly uint[] Codes = new uint[257];

    /// <summary>For the first ten bits: symbol × 256 + length of the code that they begin with; 0 when that is longer.</summary>
    public static readonly ushort[] Quick = new ushort[1 << QuickBits];

    // By length: one more than the last code, aligned to 32 bits; the first code; where its symbols begin.
    private static readonly ulong[] Limits = new ulong[MaxLength + 1];
    private static readonly uint[] Firsts = new uint[MaxLength + 1];
    private static readonly int[] Offsets = new int[MaxLength + 1];
    private static readonly ushort[] Symbols = new ushort[257];

    static HuffmanCode()
    {
        uint code = 0;
        int next = 0;
        for (int length = 1; length <= MaxLength; length++)
        {
            code <<= 1;
            Firsts[length] = code;
            Offsets[length] = next;
            for (int symbol = 0; symbol <= EndOfString; symbol++)
            {
                if (Lengths[symbol] != length) continue;
                Symbols[next++] = (ushort)symbol;
                Codes[symbol] = code;
                if (length <= QuickBits)
                    Quick.AsSpan((int)(code << (QuickBits - length)), 1 << (QuickBits - length)).Fill((ushort)(symbol << 8 | length));
                code++;
            }
            Limits[length] = (ulong)code << (32 - length);
        }
    }

    /// <summary>The symbol whose code, longer than ten bits, the 32 bits begin with.</summary>
    public static int FindLong(uint bits, out int length)
    {
        length = QuickBits + 1;
        while (bits >= Limits[length]) length++;
        return Symbols[Offsets[length] + (int)((bits >> (32 - length)) - Firsts[length])];
    }
}
