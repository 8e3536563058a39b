using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs;

/// <summary>
/// One message pair on a connection, seen from the stream: read the incoming body, write the outgoing message. A codec of either side
/// implements it, for HTTP/1 over the whole connection, for HTTP/2 over one of its streams.
/// Writing is buffered: what is small waits for <see cref="FlushAsync"/>. Results are 0 or -errno.
/// </summary>
internal abstract class Exchange
{
    /// <summary>The next run of the incoming body; valid until the next <see cref="FillAsync"/>.</summary>
    public abstract BodyResult TryReadBody(out ReadOnlyMemory<byte> piece);
    /// <summary>All of the incoming body was given out.</summary>
    public abstract bool BodyEnded { get; }
    /// <summary>Waits for more input: bytes read, 0 when the peer ended, -EINTR after <see cref="InterruptRead"/>, else -errno.</summary>
    public abstract IoTask<int> FillAsync();
    public abstract void InterruptRead();
    public abstract void InterruptWrite();

    public abstract IoTask<int> WriteBodyAsync(ReadOnlyMemory<byte> piece);
    /// <summary>Ends the outgoing message; null when it has no trailers.</summary>
    public abstract void WriteEnd(HeaderMap? trailers);
    public abstract IoTask<int> FlushAsync();
}
