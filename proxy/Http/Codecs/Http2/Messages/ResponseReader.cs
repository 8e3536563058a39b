using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Codecs.Http2.Hpack;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http2.Messages;

/// <summary>Responses (RFC 9113 section 8.3.2).</summary>
internal sealed class ResponseReader(HpackDecoder decoder, BufferPool pool) : HeadReader(decoder, pool)
{
    public int Status { get; private set; }

    protected override bool OnPseudo(HeaderId id, ReadOnlySpan<byte> value)
    {
        if (id != HeaderId.Status || value.Length != 3 || value[0] is < (byte)'1' or > (byte)'9') return false;
        Status = (int)FieldSyntax.ParseLength(value);
        // Section 8.6: there is no switching of protocols.
        return Status is >= 100 and not 101;
    }

    protected override bool OnField(HeaderId id, ReadOnlySpan<byte> value) => true;

    // An informational head is followed by another one.
    protected override bool OnEnd(bool ended)
        => Pseudo == 1 << (int)HeaderId.Status && !(ended && Status < 200) || Fail("http2.violation.of.messaging.rule");
}
