using Managed.Proxy.Core.EventLoop;

namespace Managed.Proxy.Core.Tls;

/// <summary>How a connection is agreed on, and what is known of it afterwards.</summary>
internal sealed partial class TlsTransport
{
    /// <summary>
    /// Shakes hands: 0, or -errno (-EPROTO when the two do not agree, with the reason in <see cref="FailureReason"/>; -ECONNRESET when the
    /// peer has gone; what <see cref="Abort"/> said). The alert that belongs to a failure is sent.
    /// </summary>
    public async IoTask<int> HandshakeAsync()
    {
        while (true)
        {
            if (_ssl == 0) return -Libc.ECanceled;
            int step = HandshakeStep();
            if (step == 1) Established();
            // Tickets of TLS 1.3 leave together with the first response where its request has come already. A client that sends it later
            // may wait until what it has sent is acknowledged, which bytes of ours do at once, and its kernel alone only after 40 ms.
            if (step == 1 && _context.IsServer && _pending && LibSsl.SSL_version(_ssl) == LibSsl.Tls13) _held = _out.Length;
            else if (_out.Length > 0 && await FlushAsync() is < 0 and var unsent) return step < 0 ? step : unsent;
            if (step != 0) return Math.Min(step, 0);
            int readable = await _inner.ReadableAsync();
            if (readable is < 0 and not -Libc.EIntr) return readable;
        }
    }

    /// <summary>Ends a handshake that takes too long, or is not wanted any more: it ends with -<paramref name="errno"/>.</summary>
    public void Abort(int errno)
    {
        _inner.CancelRead(errno);
        _inner.CancelWrite(errno);
    }

    private void Established()
    {
        _established = true;
        _pending = LibSsl.SSL_has_pending(_ssl) != 0;
        Connection = TlsConnection.Of(_ssl, _context, ServerName);
    }

    /// <summary>Why the handshake or the connection failed, for people; null when it did not.</summary>
    public string? FailureReason { get; private set; }

    internal void NoteRefusal(string reason) => FailureReason ??= reason;

    /// <summary>What the verification of the peer's certificate ended with.</summary>
    public PeerVerdict Verdict { get; internal set; }

    public StapleOutcome Staple { get; internal set; }

    /// <summary>The name that the client asked for; empty when it named none.</summary>
    public string ServerName { get; private init; } = "";

    /// <summary>What was agreed on; null before the handshake is over.</summary>
    public TlsConnection? Connection { get; private set; }
}
