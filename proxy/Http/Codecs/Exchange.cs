using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs;

/// <summary>
/// One message pair, seen from the stream: read the incoming body, write the outgoing message. A codec of either side implements it, for
/// HTTP/1 over the whole connection, for HTTP/2 over one of its streams. One worker, one reader and one writer at a time.
/// <para>Bodies are pulled: <see cref="TryReadBody"/> gives out what is here, and what was given out is taken when the next call comes; a
/// codec with flow control then tells its peer that there is room for as much. Nobody reads, nothing more comes.</para>
/// <para>Writing is buffered: what is small waits for <see cref="FlushAsync"/>. A write of a body is over when the bytes may be used for
/// something else. Results are 0 or -errno.</para>
/// </summary>
internal abstract class Exchange
{
    /// <summary>The next run of the incoming body; valid until the next <see cref="FillAsync"/>.</summary>
    public abstract BodyResult TryReadBody(out ReadOnlyMemory<byte> piece);
    /// <summary>All of the incoming body was given out.</summary>
    public abstract bool BodyEnded { get; }
    /// <summary>Waits for more input: bytes read, 0 when the peer ended, -EINTR after <see cref="InterruptRead"/>, else -errno.</summary>
    public abstract IoTask<int> FillAsync();
    /// <summary>Ends the pending <see cref="FillAsync"/>, if any, with -EINTR; the exchange stays usable.</summary>
    public abstract void InterruptRead();
    /// <summary>Ends the pending write, if any, with -EINTR; the message is lost.</summary>
    public abstract void InterruptWrite();

    public abstract IoTask<int> WriteBodyAsync(ReadOnlyMemory<byte> piece);
    /// <summary>Ends the outgoing message; null when it has no trailers.</summary>
    public abstract void WriteEnd(HeaderMap? trailers);
    public abstract IoTask<int> FlushAsync();

    /// <summary>
    /// The stream has switched protocols: from here on it is bytes both ways, which this gives as a transport of their own. What is
    /// buffered still goes out first, by <see cref="FlushAsync"/>.
    /// </summary>
    /// <param name="begun">What has come of the bytes already; null when the transport gives all of them.</param>
    public abstract Transport Tunnel(out InputBuffer? begun);
}
