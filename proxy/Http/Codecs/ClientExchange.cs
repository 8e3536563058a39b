using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs;

/// <summary>
/// The upstream's side of one stream: our request out, its response in. A connection to an upstream gives one for each request that it
/// carries, and takes it back when the request is over.
/// <para>Protocol of use: <see cref="WriteHead"/>, the body, WriteEnd; meanwhile <see cref="BeginResponse"/> and
/// <see cref="TryReadHead"/> until a head is final, then <see cref="BeginBody"/> and the body, or <see cref="Exchange.Tunnel"/>. Given back
/// before all of it is over, it is reset: the upstream learns that nobody reads its answer.</para>
/// </summary>
internal abstract class ClientExchange : Exchange
{
    /// <summary>Buffers the request's head. Framing is the codec's: what the map says of it is not sent.</summary>
    /// <param name="length">Of the body; -1 when it is not known.</param>
    /// <param name="hasBody">A body or trailers follow.</param>
    /// <param name="upgrade">The protocol that the upgrade field names is asked for.</param>
    public abstract void WriteHead(HeaderMap headers, long length, bool hasBody, bool upgrade);

    /// <summary>The next head goes there, which is cleared; also after each 1xx.</summary>
    public abstract void BeginResponse(HeaderMap into);
    public abstract HeadResult TryReadHead();
    /// <summary>Of the last head that is whole; 0 before.</summary>
    public abstract int Status { get; }
    /// <summary>The last head may switch protocols.</summary>
    public abstract bool MayUpgrade { get; }
    /// <summary>After the final head: what follows it.</summary>
    /// <param name="isHead">The request was a HEAD.</param>
    public abstract void BeginBody(bool isHead, HeaderMap trailers);

    public virtual bool IsHttp2 => false;
    /// <summary>The peer has certainly not begun with it (RFC 9113 section 8.7): on another connection it may be sent again.</summary>
    public virtual bool IsRefused => false;
    /// <summary>The peer has reset this request, and not its connection.</summary>
    public virtual bool IsResetByPeer => false;
    /// <summary>A byte of an answer has come.</summary>
    public abstract bool ReceivedAnything { get; }
    public abstract long WireBytesSent { get; }
    public abstract long WireBytesReceived { get; }

    /// <summary>The final head is here: an answer, whatever becomes of its body.</summary>
    public bool IsAnswered => Status >= 200;
}
