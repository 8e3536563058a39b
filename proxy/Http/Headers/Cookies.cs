using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Headers;

/// <summary>Reads cookies in place (RFC 6265 section 5.4; over HTTP/2 there may be several Cookie fields).</summary>
internal static class Cookies
{
    /// <summary>The value of the first cookie of this name, without quotes around it.</summary>
    public static bool TryFind(HeaderMap headers, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        for (int i = 0; headers.TryGetAt("cookie"u8, i, out var field); i++)
            while (!field.IsEmpty)
            {
                int end = field.IndexOf((byte)';');
                var pair = FieldSyntax.Trim(end < 0 ? field : field[..end]);
                field = end < 0 ? default : field[(end + 1)..];
                int equals = pair.IndexOf((byte)'=');
                if (equals < 0 || !pair[..equals].SequenceEqual(name)) continue;
                value = pair[(equals + 1)..];
                if (value.Length >= 2 && value[0] == '"' && value[^1] == '"') value = value[1..^1];
                return true;
            }
        value = default;
        return false;
    }

    /// <summary>Takes the cookies of this name out of the message; what is left stands in one field.</summary>
    public static void Remove(HeaderMap headers, ReadOnlySpan<byte> name, ByteWriter scratch)
    {
        scratch.Clear();
        for (int i = 0; headers.TryGetAt("cookie"u8, i, out var field); i++)
            while (!field.IsEmpty)
            {
                int end = field.IndexOf((byte)';');
                var pair = FieldSyntax.Trim(end < 0 ? field : field[..end]);
                field = end < 0 ? default : field[(end + 1)..];
                int equals = pair.IndexOf((byte)'=');
                if (pair.IsEmpty || (equals >= 0 && pair[..equals].SequenceEqual(name))) continue;
                if (scratch.Length > 0) scratch.Write("; "u8);
                scratch.Write(pair);
            }
        if (scratch.Length > 0) headers.Set(HeaderId.Cookie, scratch.Written); else headers.Remove(HeaderId.Cookie);
    }
}
