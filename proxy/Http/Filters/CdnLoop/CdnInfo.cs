using System.Buffers;

namespace Managed.Proxy.Http.Filters.CdnLoop;

/// <summary>Reads values of CDN-Loop (RFC 8586 section 2).</summary>
internal static class CdnInfo
{
    private static readonly SearchValues<byte> Token =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"u8);
    private static readonly SearchValues<byte> Literal = SearchValues.Create("0123456789abcdefABCDEF:.vV"u8);
    // Of a host's name, beyond a token: sub-delims but the comma and the semicolon, which end it here.
    private static readonly SearchValues<byte> Host =
        SearchValues.Create("!$%&'()*+-.=_~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"u8);

    /// <summary>How often the name is in a list; -1: it is not such a list.</summary>
    public static int Count(ReadOnlySpan<byte> list, ReadOnlySpan<byte> name)
    {
        int count = 0;
        while (true)
        {
            list = list.TrimStart(" \t"u8);
            if (list.IsEmpty) return count;
            if (list[0] == ',') { list = list[1..]; continue; } // an empty member (RFC 9110 section 5.6.1)
            int length = IdLength(list);
            if (length == 0) return -1;
            if (list[..length].SequenceEqual(name)) count++;
            list = list[length..].TrimStart(" \t"u8);
            while (!list.IsEmpty && list[0] == ';')
            {
                list = list[1..].TrimStart(" \t"u8);
                int parameter = ParameterLength(list);
                if (parameter == 0) return -1;
                list = list[parameter..].TrimStart(" \t"u8);
            }
            if (!list.IsEmpty && list[0] != ',') return -1;
        }
    }

    public static bool IsId(ReadOnlySpan<byte> text) => IdLength(text) is > 0 and var length && length == text.Length;

    private static int IdLength(ReadOnlySpan<byte> text)
    {
        int length;
        if (text[0] == '[')
        {
            int end = text.IndexOf((byte)']');
            if (end < 2 || text[1..end].ContainsAnyExcept(Literal)) return 0;
            length = end + 1;
        }
        else
        {
            int token = Run(text, Token), host = Run(text, Host);
            length = Math.Max(token, host);
        }
        if (length == 0 || length == text.Length || text[length] != ':') return length;
        int digits = 0;
        while (length + 1 + digits < text.Length && text[length + 1 + digits] is >= (byte)'0' and <= (byte)'9') digits++;
        return length + 1 + digits;
    }

    private static int ParameterLength(ReadOnlySpan<byte> text)
    {
        int at = Run(text, Token);
        if (at == 0 || at == text.Length || text[at] != '=') return 0;
        at++;
        if (at == text.Length) return 0;
        if (text[at] != '"') return Run(text[at..], Token) is > 0 and var length ? at + length : 0;
        for (at++; at < text.Length; at++)
        {
            if (text[at] == '"') return at + 1;
            if (text[at] == '\\') at++;
        }
        return 0;
    }

    private static int Run(ReadOnlySpan<byte> text, SearchValues<byte> of)
        => text.IndexOfAnyExcept(of) is >= 0 and var end ? end : text.Length;
}
