using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Codecs;

/// <summary>
/// The client's side of one stream: its request in, our response out. What a codec of clients owes a stream, and no word of one protocol.
/// <para>Protocol of use: the codec puts the request's head into the stream's headers, begins the stream and awaits its end. The stream
/// reads the body while it likes; writes any number of 1xx answers; then <see cref="StartResponse"/>, bodies, WriteEnd. Until a byte of
/// the response has left it may be taken back and replaced. A client that gives the stream up (a reset, a connection that breaks) the
/// codec reports by <c>HttpStream.OnClientGone</c>; pending reads and writes then end with an error.</para>
/// </summary>
internal abstract class ServerExchange : Exchange
{
    public abstract bool RequestHasBody { get; }
    /// <summary>The client said <c>content-length: 0</c>.</summary>
    public abstract bool DeclaredEmptyBody { get; }
    public abstract bool IsHead { get; }
    /// <summary>What a malformed request body is answered with.</summary>
    public abstract int ErrorStatus { get; }
    /// <summary>The client asks for another protocol on this stream; taken back where the connection manager does not allow it.</summary>
    public bool AsksUpgrade { get; set; }

    /// <summary>The peer's address as text; empty on a Unix socket.</summary>
    public abstract ReadOnlySpan<byte> PeerText { get; }
    /// <summary>Writes a 1xx head; false when the client is gone.</summary>
    public abstract IoTask<bool> WriteInformationalAsync(HeaderMap headers, int status);
    /// <summary>
    /// Buffers the head of the final response, chooses its framing, returns its status. A 101 is followed by <see cref="Exchange.Tunnel"/>.
    /// </summary>
    /// <param name="ended">There is neither body nor trailers.</param>
    public abstract int StartResponse(HeaderMap headers, bool ended);
    /// <summary>Forgets a response of which no byte has left; false when it is too late.</summary>
    public abstract bool TakeBackResponse();

    /// <summary>
    /// Nobody will read the rest of the request: the client is kept from sending it, at the latest when it has the response.
    /// </summary>
    public abstract void AbandonRequest();
    /// <summary>The client is to open another connection for its next request: there is no room to keep this one.</summary>
    public abstract void EndConnection();
    /// <summary>The response ends here, before its time, and the client must be able to tell.</summary>
    public abstract void Abort();

    public abstract void FillInfo(StreamInfo info);
}
