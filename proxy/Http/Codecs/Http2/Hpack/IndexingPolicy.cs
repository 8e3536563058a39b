using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http2.Hpack;

internal enum Indexing : byte
{
    Add,
    /// <summary>It will hardly come again.</summary>
    Skip,
    /// <summary>A secret: that its value was sent before must not show in the length of a later block (RFC 7541 section 7.1).</summary>
    Never,
}

/// <summary>Which of the fields that we send get into the peer's table.</summary>
internal static class IndexingPolicy
{
    /// <summary>
    /// Never: credentials, and cookies of fewer than 20 bytes, which could be guessed one by one (the limit that nghttp2 and Firefox have).
    /// Skip: what differs in each message.
    /// </summary>
    public static Indexing Of(HeaderId id, ReadOnlySpan<byte> name, int valueLength)
    {
        switch (id)
        {
            case HeaderId.Authorization or HeaderId.ProxyAuthorization:
                return Indexing.Never;
            case HeaderId.Cookie or HeaderId.SetCookie:
                return valueLength < 20 ? Indexing.Never : id == HeaderId.Cookie ? Indexing.Add : Indexing.Skip;
            case HeaderId.Path or HeaderId.ContentLength or HeaderId.Etag or HeaderId.Location or HeaderId.XRequestId or HeaderId.Range
                or HeaderId.XForwardedFor or HeaderId.XEnvoyUpstreamServiceTime or HeaderId.XEnvoyOriginalPath or HeaderId.GrpcMessage:
                return Indexing.Skip;
            case HeaderId.Unknown:
                return IsFresh(name) ? Indexing.Skip : Indexing.Add;
            default:
                return Indexing.Add;
        }
    }

    private static bool IsFresh(ReadOnlySpan<byte> name) => name.Length switch
    {
        3 => name.SequenceEqual("age"u8),
        7 => name.SequenceEqual("expires"u8),
        11 => name.SequenceEqual("traceparent"u8) || name.SequenceEqual("x-b3-spanid"u8),
        12 => name.SequenceEqual("grpc-timeout"u8) || name.SequenceEqual("x-b3-traceid"u8),
        13 => name.SequenceEqual("if-none-match"u8) || name.SequenceEqual("content-range"u8) || name.SequenceEqual("last-modified"u8),
        17 => name.SequenceEqual("if-modified-since"u8),
        _ => false,
    };
}
