using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Streams.Formatting.Operators;

/// <summary>The request id, which identifies a stream across proxies; without one, the stream's number in this process.</summary>
internal sealed class StreamIdOperator : FormatOperator
{
    public override bool Write(ByteWriter to, StreamInfo info)
    {
        if (info.RequestHeaders is { } headers && headers.Has(HeaderId.XRequestId))
        {
            to.Write(headers.Get(HeaderId.XRequestId));
            return true;
        }
        if (info.StreamId == 0) return false;
        to.Write((long)info.StreamId);
        return true;
    }
}

/// <summary>A new random UUID each time it is written.</summary>
internal sealed class UniqueIdOperator : FormatOperator
{
    public override bool Write(ByteWriter to, StreamInfo info)
    {
        Guid.NewGuid().TryFormat(to.GetSpan(36), out int written);
        to.Advance(written);
        return true;
    }
}
