using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Cache;

/// <summary>The one part of a body that a request asks for (RFC 9110 section 14.1.2).</summary>
internal static class ByteRange
{
    /// <summary>
    /// False: the whole is to be given, because none, several, or something else is asked for. A length of 0: the part is not there (416).
    /// </summary>
    public static bool TryRead(HeaderMap request, int total, out int from, out int length)
    {
        from = length = 0;
        if (!request.Has(HeaderId.Range) || request.CountOf("range"u8) != 1) return false;
        var text = request.Get(HeaderId.Range);
        if (text.Length < 8 || !FieldSyntax.EqualsIgnoreCase(text[..6], "bytes="u8)) return false;
        text = FieldSyntax.Trim(text[6..]);
        int dash = text.IndexOf((byte)'-');
        if (dash < 0 || text.Contains((byte)',')) return false;
        ReadOnlySpan<byte> first = text[..dash], last = text[(dash + 1)..];
        if (!IsNumber(first, out long begin) || !IsNumber(last, out long end) || (first.IsEmpty && last.IsEmpty)) return false;
        if (first.IsEmpty) (begin, end) = (Math.Max(0, total - end), end == 0 ? -1 : total - 1);
        else if (last.IsEmpty) end = total - 1;
        else if (end < begin) return false;
        end = Math.Min(end, total - 1);
        if (begin <= end) (from, length) = ((int)begin, (int)(end - begin + 1));
        return true;
    }

    private static bool IsNumber(ReadOnlySpan<byte> digits, out long number)
    {
        number = CacheControl.Seconds(digits);
        return !digits.ContainsAnyExceptInRange((byte)'0', (byte)'9') && digits.Length < 19;
    }
}
