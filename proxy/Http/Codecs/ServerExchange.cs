using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Codecs;

/// <summary>The client's side of one stream.</summary>
internal abstract class ServerExchange : Exchange
{
    public abstract bool RequestHasBody { get; }
    /// <summary>The client said <c>content-length: 0</c>.</summary>
    public abstract bool DeclaredEmptyBody { get; }
    public abstract bool IsHead { get; }
    /// <summary>What a malformed request body is answered with.</summary>
    public abstract int ErrorStatus { get; }
    /// <summary>The client asks for an upgrade; the connection manager takes it back when it does not allow it.</summary>
    public bool AsksUpgrade { get; set; }
    /// <summary>The connection cannot carry another request.</summary>
    public bool MustClose { get; set; }
    /// <summary>The response ended before its time: the client must see that, by a reset where the message has no other end.</summary>
    public bool CutShort { get; set; }

    /// <summary>The peer's address as text; empty on a Unix socket.</summary>
    public abstract ReadOnlySpan<byte> PeerText { get; }
    /// <summary>Writes the head; false when the client is gone.</summary>
    public abstract IoTask<bool> WriteInformationalAsync(HeaderMap headers, int status);
    /// <summary>Buffers the head of the final response, chooses its framing, returns its status.</summary>
    public abstract int StartResponse(HeaderMap headers, bool ended, bool chunkedSource);
    /// <summary>Forgets a response of which no byte has left; false when it is too late.</summary>
    public abstract bool TakeBackResponse();
    /// <summary>Buffers a 101.</summary>
    public abstract void StartUpgrade(HeaderMap headers);
    public abstract void FillInfo(StreamInfo info);

    /// <summary>The whole connection, for a tunnel.</summary>
    public abstract Transport Transport { get; }
    public abstract InputBuffer Input { get; }
}
