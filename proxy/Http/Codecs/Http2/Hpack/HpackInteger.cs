namespace Managed.Proxy.Http.Codecs.Http2.Hpack;

/// <summary>Integers with a prefix of so many bits (RFC 7541 section 5.1).</summary>
internal static class HpackInteger
{
    /// <summary>Bytes behind the prefix that are read at most: values up to 2^28 and more than any field may have.</summary>
    private const int MaxFollowing = 4;

    /// <summary>
    /// False when the bytes end within it, and when it has more of them than any sensible value (section 5.1: a decoding error).
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> from, scoped ref int at, int prefixBits, out int value)
    {
        int most = (1 << prefixBits) - 1;
        value = from[at++] & most;
        if (value < most) return true;
        for (int i = 0; i < MaxFollowing; i++)
        {
            if (at == from.Length) return false;
            int b = from[at++];
            value += (b & 0x7F) << (7 * i);
            if (b < 0x80) return true;
        }
        return false;
    }

    /// <summary>Bytes written, six at most; <paramref name="pattern"/> is what stands above the prefix.</summary>
    public static int Write(Span<byte> to, int pattern, int prefixBits, int value)
    {
        int most = (1 << prefixBits) - 1;
        if (value < most)
        {
            to[0] = (byte)(pattern | value);
            return 1;
        }
        to[0] = (byte)(pattern | most);
        int n = 1;
        for (value -= most; value >= 0x80; value >>= 7) to[n++] = (byte)(value | 0x80);
        to[n++] = (byte)value;
        return n;
    }
}
