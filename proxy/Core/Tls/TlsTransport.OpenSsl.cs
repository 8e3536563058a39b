using System.Runtime.InteropServices;
using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;

namespace Managed.Proxy.Core.Tls;

/// <summary>The calls into OpenSSL, and the two that come back from its BIO (<see cref="TlsBio"/>).</summary>
internal sealed unsafe partial class TlsTransport
{
    /// <summary>
    /// The first bytes of a response that is longer are a record of their own: the peer can use them before the whole of 16 KiB has come,
    /// which takes more than one round trip on a new connection.
    /// </summary>
    private const int FirstRecord = 4 * 1024;

    /// <summary>
    /// The server's side of a connection that was accepted; null when OpenSSL has no memory, and nothing was taken over then.
    /// </summary>
    public static TlsTransport? Accept(Transport.Transport inner, TlsContext context, BufferPool buffers)
    {
        var transport = new TlsTransport(inner, context, buffers);
        if (!transport.Begin()) return null;
        LibSsl.SSL_set_accept_state(transport._ssl);
        return transport;
    }

    /// <summary>The client's side. <paramref name="serverName"/>: sent as SNI and what sessions are reused for; may be empty.</summary>
    public static TlsTransport? Connect(Transport.Transport inner, TlsContext context, BufferPool buffers, string serverName)
    {
        var transport = new TlsTransport(inner, context, buffers) { ServerName = serverName };
        if (!transport.Begin()) return null;
        LibSsl.SSL_set_connect_state(transport._ssl);
        // An address is no server name (RFC 6066 section 3).
        if (serverName.Length > 0 && !System.Net.IPAddress.TryParse(serverName, out _))
            fixed (byte* name = Encoding.UTF8.GetBytes(serverName + "\0"))
                LibSsl.SSL_ctrl(transport._ssl, LibSsl.CtrlSetHostName, 0, (nint)name);
        context.Sessions?.Offer(serverName, transport._ssl);
        return transport;
    }

    private bool Begin()
    {
        _ssl = LibSsl.SSL_new(_context.Pointer);
        if (_ssl == 0) { TlsLibrary.TakeError(); return false; }
        _self = GCHandle.Alloc(this);
        nint bio = TlsBio.Create(_self);
        if (bio == 0)
        {
            TlsLibrary.TakeError();
            LibSsl.SSL_free(_ssl);
            _self.Free();
            _ssl = 0;
            return false;
        }
        _context.AddReference();
        LibSsl.SSL_set_bio(_ssl, bio, bio);
        LibSsl.SSL_set_ex_data(_ssl, 0, GCHandle.ToIntPtr(_self));
        return true;
    }

    /// <summary>The connection that a callback of OpenSSL's is for.</summary>
    internal static TlsTransport? Of(nint ssl)
        => LibSsl.SSL_get_ex_data(ssl, 0) is var handle and not 0 ? GCHandle.FromIntPtr(handle).Target as TlsTransport : null;

    /// <summary>For the BIO: as <see cref="Transport.Transport.TryRead"/>.</summary>
    internal int Pull(Span<byte> into)
    {
        int n = _inner.TryRead(into);
        if (n == 0) HasEnded = true;
        else if (n < 0 && n != -Libc.EAgain) _innerError = n;
        return n;
    }

    /// <summary>For the BIO: keeps what is to be sent.</summary>
    internal void Push(ReadOnlySpan<byte> bytes)
    {
        if (_reading && _out.Length + bytes.Length > MaxAnswers)
            throw new InvalidOperationException("the peer makes us answer and does not read");
        _out.Write(bytes);
    }

    // 1: done. 0: the peer is to say more. Negative: it has failed.
    private int HandshakeStep()
    {
        int result = LibSsl.SSL_do_handshake(_ssl);
        return result == 1 ? 1 : Failure(result) is var failure && failure == -Libc.EAgain ? 0 : failure == 0 ? -Libc.EConnReset : failure;
    }

    // Bytes; 0 at an end that the peer announced; -EAGAIN; -errno.
    private int Decrypt(Span<byte> into)
    {
        int n;
        fixed (byte* p = into) n = LibSsl.SSL_read(_ssl, p, into.Length);
        return n > 0 ? n : Failure(n);
    }

    private int Failure(int result)
    {
        int error = LibSsl.SSL_get_error(_ssl, result);
        if (error == LibSsl.ErrorWantRead) return -Libc.EAgain;
        // OpenSSL reads on only when it has no whole record left: an end that it has seen was not announced.
        if (error == LibSsl.ErrorZeroReturn) return HasEnded ? -Libc.EConnReset : 0;
        _failed = true;
        if (TlsLibrary.IsMissingCertificate()) Verdict = PeerVerdict.NoCertificate;
        string reason = TlsLibrary.TakeError();
        if (_innerError != 0) return _innerError;
        FailureReason ??= HasEnded && reason.Length == 0 ? "the peer closed the connection" : reason;
        return HasEnded ? -Libc.EConnReset : -Libc.EProto;
    }

    private int Encrypt(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        if (!_established || _failed || _shut) return -Libc.EPipe;
        bool turned = _turned;
        _turned = false;
        if (first.IsEmpty || second.IsEmpty) return EncryptRun(first.IsEmpty ? second : first, turned);
        if (first.Length + second.Length > BufferPool.SmallSize)
        {
            int n = EncryptRun(first, turned);
            return n < 0 ? n : EncryptRun(second, false);
        }
        byte[] both = _buffers.Rent();
        first.CopyTo(both);
        second.CopyTo(both.AsSpan(first.Length));
        int result = EncryptRun(both.AsSpan(0, first.Length + second.Length), turned);
        _buffers.Return(both);
        return result;
    }

    private int EncryptRun(ReadOnlySpan<byte> data, bool turned)
    {
        if (data.IsEmpty) return 0;
        fixed (byte* p = data)
        {
            int at = 0;
            if (turned && data.Length > 2 * FirstRecord)
            {
                if (LibSsl.SSL_write(_ssl, p, FirstRecord) <= 0) return Broken();
                at = FirstRecord;
            }
            return LibSsl.SSL_write(_ssl, p + at, data.Length - at) <= 0 ? Broken() : 0;
        }
    }

    private int Broken()
    {
        _failed = true;
        string reason = TlsLibrary.TakeError();
        FailureReason ??= reason;
        return -Libc.EPipe;
    }
}
