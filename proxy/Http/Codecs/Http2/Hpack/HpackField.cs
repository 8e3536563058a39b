using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http2.Hpack;

/// <summary>A decoded field; its spans are valid until the next one is read.</summary>
internal ref struct HpackField
{
    public HeaderId Id;
    public ReadOnlySpan<byte> Name, Value;
    /// <summary>It keeps <see cref="FieldRules"/>.</summary>
    public bool IsGood;
    /// <summary>Whoever passes it on must not let it into a table either (RFC 7541 section 6.2.3).</summary>
    public bool NeverIndexed;
}

internal enum HpackResult : byte
{
    Field,
    /// <summary>The block was read to its end.</summary>
    End,
    /// <summary>It is no header block: the connection is lost (COMPRESSION_ERROR), as the table can no longer be the peer's.</summary>
    Error,
}
