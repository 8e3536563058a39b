using System.Net;
using System.Runtime.InteropServices;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;

namespace Managed.Proxy.Core.Tls;

/// <summary>
/// TLS over another transport, on one worker. Protocol of use: make it by <see cref="Accept"/> or <see cref="Connect"/>, await
/// <see cref="HandshakeAsync"/>, then use it like any transport; <see cref="Close"/> in any case.
/// <para>What OpenSSL writes is collected and sent once after each call, so a head and its small body are one record and one system call,
/// and bulk leaves in pieces of 32 KiB. Bytes that end without the peer's close_notify are a failure (-ECONNRESET), not an end: somebody
/// else may have cut them (RFC 8446 section 6.1).</para>
/// </summary>
internal sealed partial class TlsTransport : Transport.Transport
{
    /// <summary>Two records. 64 KiB in one system call measured slower.</summary>
    private const int Piece = 32 * 1024;
    /// <summary>
    /// What reading may make us answer, such as alerts, while the peer does not read: more than that ends the connection.
    /// </summary>
    private const int MaxAnswers = 16 * 1024;

    private readonly Transport.Transport _inner;
    private readonly BufferPool _buffers;
    private readonly TlsContext _context;
    private readonly Signal _sent = new();
    private ByteWriter _out, _sending;
    private GCHandle _self;
    private nint _ssl;
    private int _held; // bytes of _out that may wait for a company: tickets
    private int _innerError; // negative
    private int _end = 1; // how the reading ended: 0 or negative; 1 as long as it has not
    private bool _established, _failed, _pending, _flushing, _shutting, _shut, _reading, _turned, _idleWatch;

    private TlsTransport(Transport.Transport inner, TlsContext context, BufferPool buffers)
    {
        _inner = inner;
        _context = context;
        _buffers = buffers;
        _out = new ByteWriter(buffers);
        _sending = new ByteWriter(buffers);
        inner.PeerGone = static (t, half) => ((TlsTransport)t!).OnPeerGone(half);
        inner.PeerGoneState = this;
    }

    public override IPEndPoint? RemoteAddress => _inner.RemoteAddress;
    public override IPEndPoint? LocalAddress => _inner.LocalAddress;
    public override bool IsClosed => _inner.IsClosed;
    public override bool IsBroken => _inner.IsBroken;
    public override bool MayRead => _pending || _end <= 0 || (_established && _inner.MayRead);

    /// <summary>The transport below came to its end, with a close_notify before or without.</summary>
    internal bool HasEnded { get; private set; }

    public override async IoTask<int> ReadAsync(Memory<byte> buffer)
    {
        while (true)
        {
            int n = TryRead(buffer.Span);
            if (n != -Libc.EAgain) return n;
            n = await ReadableAsync();
            if (n < 0) return n;
        }
    }

    // Bytes may come that make no data yet: who waits for data tries to read and waits again.
    public override IoTask<int> ReadableAsync() => _pending || _end <= 0 ? new IoTask<int>(1) : _inner.ReadableAsync();

    public override int TryRead(Span<byte> buffer)
    {
        if (_ssl == 0) return -Libc.ECanceled;
        if (_end <= 0) return _end;
        if (!_established) return -Libc.EAgain;
        int total = 0;
        _reading = true;
        while (true)
        {
            int n = Decrypt(buffer[total..]);
            if (n <= 0)
            {
                _pending = false;
                if (n != -Libc.EAgain) _end = n;
                if (total == 0) total = n;
                break;
            }
            total += n;
            bool more = LibSsl.SSL_has_pending(_ssl) != 0;
            if (total < buffer.Length && (more || _inner.MayRead)) continue;
            _pending = more;
            break;
        }
        _reading = false;
        if (total > 0) _turned = true;
        if (_out.Length > _held && !_flushing) FlushAsync().Forget();
        return total;
    }

    public override void AskAnew() => _inner.AskAnew();

    public override IoTask<int> WriteAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        if (_ssl == 0) return new IoTask<int>(-Libc.ECanceled);
        if (_flushing || first.Length + second.Length > Piece) return WriteLongAsync(first, second);
        int n = Encrypt(first.Span, second.Span);
        return n < 0 ? new IoTask<int>(n) : FlushAsync();
    }

    private async IoTask<int> WriteLongAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        while (_flushing) await _sent.WaitAsync();
        while (!first.IsEmpty || !second.IsEmpty)
        {
            if (_ssl == 0) return -Libc.ECanceled;
            int a = Math.Min(first.Length, Piece), b = Math.Min(second.Length, Piece - a);
            int n = Encrypt(first.Span[..a], second.Span[..b]);
            if (n >= 0) n = await FlushAsync();
            if (n < 0) return n;
            first = first[a..];
            second = second[b..];
        }
        return 0;
    }

    // Not while another is under way.
    private IoTask<int> FlushAsync()
    {
        if (_out.Length == 0) return new IoTask<int>(0);
        var sent = SendCollected();
        return sent.IsCompleted ? new IoTask<int>(Sent(sent.GetAwaiter().GetResult())) : FlushSlowlyAsync(sent);
    }

    private async IoTask<int> FlushSlowlyAsync(IoTask<int> sent)
    {
        int n = Sent(await sent);
        while (n >= 0 && _out.Length > _held) n = Sent(await SendCollected());
        _sent.Set();
        return n;
    }

    private IoTask<int> SendCollected()
    {
        (_out, _sending) = (_sending, _out);
        _held = 0;
        _flushing = true;
        return _inner.WriteAsync(_sending.WrittenMemory);
    }

    private int Sent(int result)
    {
        _sending.Release();
        _flushing = false;
        if (result < 0) _failed = true; // part of a record may be out: nothing can follow
        else if (_shutting && _out.Length == 0) _inner.ShutdownWrite();
        return result;
    }

    public override void CancelRead(int errno) => _inner.CancelRead(errno);

    public override void CancelWrite(int errno) => _inner.CancelWrite(errno);

    public override void ShutdownWrite()
    {
        if (_ssl == 0 || _shutting) return;
        _shutting = true;
        SayGoodbye();
        if (_flushing) return; // follows what is on its way
        if (_out.Length == 0) _inner.ShutdownWrite();
        else FlushAsync().Forget();
    }

    public override void Close(bool reset = false)
    {
        if (_ssl != 0)
        {
            if (!reset && !_flushing && !_inner.IsClosed)
            {
                SayGoodbye();
                if (!_failed) FlushAsync().Forget(); // what the kernel does not take at once is lost, and so is the connection
            }
            Free();
        }
        _inner.Close(reset);
        PeerGone = null;
        _out.Release();
    }

    // close_notify, once. Not within a handshake and not after an error: OpenSSL would refuse it, and leave an error for the next.
    private void SayGoodbye()
    {
        if (!_established || _failed || _shut || _end < 0) return;
        _shut = true;
        if (LibSsl.SSL_shutdown(_ssl) < 0) TlsLibrary.TakeError();
    }

    private void Free()
    {
        LibSsl.SSL_free(_ssl);
        _ssl = 0;
        _self.Free();
        _context.Release();
    }

    public override void WatchIdle(bool on)
    {
        _idleWatch = on;
        _inner.WatchIdle(on);
    }

    private void OnPeerGone(bool half)
    {
        // On an idle connection any byte counts as the end, but for what TLS itself has to say, such as tickets for the next connection.
        if (_idleWatch && !half && _established && _ssl != 0 && TryRead(stackalloc byte[1]) == -Libc.EAgain) return;
        PeerGone?.Invoke(PeerGoneState, half);
    }
}
