using System.Buffers;

namespace Managed.Proxy.Http.Headers;

/// <summary>Character classes of RFC 9110 section 5.6.2 and 5.5, and the parsing of one field line (RFC 9112 section 5).</summary>
internal static class FieldSyntax
{
    // tchar to its lower case; 0 for all else.
    private static readonly byte[] TokenLower = BuildTokenTable();

    // CTLs but HTAB: none may stand in a field value (RFC 9110 section 5.5; NUL, CR and LF are dangerous, the rest invalid).
    private static readonly SearchValues<byte> ControlBytes = SearchValues.Create(
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127]);

    public static bool IsToken(ReadOnlySpan<byte> text)
    {
        foreach (byte b in text) if (TokenLower[b] == 0) return false;
        return text.Length != 0;
    }

    public static bool IsValue(ReadOnlySpan<byte> text) => !text.ContainsAny(ControlBytes);

    /// <summary>Checks and lowers a name in place.</summary>
    public static bool LowerName(Span<byte> name)
    {
        for (int i = 0; i < name.Length; i++)
        {
            byte lower = TokenLower[name[i]];
            if (lower == 0) return false;
            name[i] = lower;
        }
        return name.Length != 0;
    }

    /// <summary>
    /// Splits a line without its CRLF. The name is lowered in place. False for white space before the colon, a folded line, a missing
    /// colon, an empty name or a byte that may not stand there: all of them ways to smuggle.
    /// </summary>
    public static bool Split(Span<byte> line, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        name = value = default;
        int colon = line.IndexOf((byte)':');
        if (colon <= 0 || colon > ushort.MaxValue || !LowerName(line[..colon])) return false;
        name = line[..colon];
        value = Trim(line[(colon + 1)..]);
        return IsValue(value);
    }

    /// <summary>
    /// Names that sloppy servers take for Transfer-Encoding or Content-Length, because they fold every other character into a dash
    /// (CGI's rule, and worse): transfer_encoding, content.length. Passing one on would let the next hop frame the message differently.
    /// </summary>
    public static bool LooksLikeFraming(ReadOnlySpan<byte> lowerName)
    {
        if (lowerName.Length is < 14 or > 40) return false;
        Span<byte> folded = stackalloc byte[40];
        int n = 0;
        foreach (byte b in lowerName)
        {
            if (b is >= (byte)'a' and <= (byte)'z') folded[n++] = b;
            else if (n > 0 && folded[n - 1] != '-') folded[n++] = (byte)'-';
        }
        if (n > 0 && folded[n - 1] == '-') n--;
        return folded[..n].SequenceEqual("transfer-encoding"u8) || folded[..n].SequenceEqual("content-length"u8);
    }

    /// <summary>Neither framing nor hop by hop (RFC 9110 section 7.6.1), which are the connection's own; nor the host.</summary>
    public static bool IsEndToEnd(ReadOnlySpan<byte> lowerName) => HeaderNames.Find(lowerName) is not (HeaderId.Connection
        or HeaderId.ContentLength or HeaderId.TransferEncoding or HeaderId.Upgrade or HeaderId.Te or HeaderId.Trailer or HeaderId.KeepAlive
        or HeaderId.ProxyConnection or HeaderId.Host or HeaderId.Expect or HeaderId.Http2Settings) && !LooksLikeFraming(lowerName);

    /// <summary>Without optional white space (SP, HTAB) at both ends.</summary>
    public static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> text)
    {
        int start = 0, end = text.Length;
        while (start < end && text[start] is (byte)' ' or (byte)'\t') start++;
        while (end > start && text[end - 1] is (byte)' ' or (byte)'\t') end--;
        return text[start..end];
    }

    /// <summary>1*DIGIT that fits in 18 digits (RFC 9110 section 8.6); -1 otherwise.</summary>
    public static long ParseLength(ReadOnlySpan<byte> digits)
    {
        if (digits.Length is 0 or > 18) return -1;
        long value = 0;
        foreach (byte b in digits)
        {
            if (b is < (byte)'0' or > (byte)'9') return -1;
            value = value * 10 + (b - '0');
        }
        return value;
    }

    /// <summary>The next member of a comma-separated list, trimmed; empty members are passed over (RFC 9110 section 5.6.1).</summary>
    public static bool NextMember(scoped ref ReadOnlySpan<byte> list, out ReadOnlySpan<byte> member)
    {
        while (!list.IsEmpty)
        {
            int comma = list.IndexOf((byte)',');
            member = Trim(comma < 0 ? list : list[..comma]);
            list = comma < 0 ? default : list[(comma + 1)..];
            if (!member.IsEmpty) return true;
        }
        member = default;
        return false;
    }

    public static bool EqualsIgnoreCase(ReadOnlySpan<byte> text, ReadOnlySpan<byte> lowerCase)
        => text.Length == lowerCase.Length && System.Text.Ascii.EqualsIgnoreCase(text, lowerCase);

    private static byte[] BuildTokenTable()
    {
        var table = new byte[256];
        for (int c = '0'; c <= '9'; c++) table[c] = (byte)c;
        for (int c = 'a'; c <= 'z'; c++) { table[c] = (byte)c; table[c - 32] = (byte)c; }
        foreach (char c in "!#$%&'*+-.^_`|~") table[c] = (byte)c;
        return table;
    }
}
