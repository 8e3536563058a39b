using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http1;

/// <summary>Fields that end at this hop (RFC 9110 section 7.6.1): Connection, what it names, and those that are so by themselves.</summary>
internal static class ConnectionFields
{
    public static void Strip(HeaderMap headers)
    {
        if (headers.Has(HeaderId.Connection)) StripNamed(headers);
        headers.Remove(HeaderId.KeepAlive);
        headers.Remove(HeaderId.ProxyConnection);
        headers.Remove(HeaderId.TransferEncoding);
        headers.Remove(HeaderId.Http2Settings);
    }

    private static void StripNamed(HeaderMap headers)
    {
        Span<byte> name = stackalloc byte[128];
        for (int i = 0; headers.TryGetAt("connection"u8, i, out var list); i++)
            while (FieldSyntax.NextMember(ref list, out var option))
            {
                if (option.Length > name.Length) continue;
                option.CopyTo(name);
                var lower = name[..option.Length];
                if (!FieldSyntax.LowerName(lower)) continue;
                // Naming what frames, routes or upgrades the message must not take it away from us.
                if (HeaderNames.Find(lower) is HeaderId.Host or HeaderId.ContentLength or HeaderId.TransferEncoding or HeaderId.Upgrade
                    or HeaderId.Connection or HeaderId.Te
                    or (>= HeaderId.Method and <= HeaderId.Protocol)) continue;
                headers.Remove(lower);
            }
        headers.Remove(HeaderId.Connection);
    }
}
