using System.Net;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.FaultInjection;
using Managed.Proxy.Core.Limits;

namespace Managed.Proxy.Core.Transport;

/// <summary>
/// A non-blocking stream socket on a worker's loop, edge-triggered: registered once, no further epoll_ctl for its life. After a short
/// read it does not read again until the loop says so.
/// <para>In one turn of the loop it reads <see cref="Share"/> bytes, or <see cref="SmallShare"/> where the turn is spent: who sends without
/// end waits for the next turn. Who has sent more than <see cref="SmallShare"/> since it was last written to is read from after the
/// others.</para>
/// </summary>
internal sealed unsafe class SocketTransport : Transport, IPollable
{
    /// <summary>256 KiB: some 0.1 ms of work.</summary>
    public const int Share = 256 * 1024;
    /// <summary>16 KiB: more than a request without a body has.</summary>
    public const int SmallShare = 16 * 1024;

    private readonly EventLoop.EventLoop _loop;
    private int _fd;
    private bool _readable, _writable, _ended, _broken;
    private readonly IoSource<int> _read = new(), _write = new();
    private bool _readPending, _writePending, _readableOnly, _connecting;
    private bool _waitsForTurn, _queued, _goneUntold;
    private long _turn; // in which it read _moved bytes
    private int _moved;
    private long _unanswered; // bytes read since it was last written to
    private Memory<byte> _readBuffer;
    private ReadOnlyMemory<byte> _write1, _write2;
    private IPEndPoint? _remote, _local;
    private byte[]? _again; // read before, to be read again
    private int _againStart, _againEnd;
    private byte[]? _rawRemote;

    private SocketTransport(EventLoop.EventLoop loop, int fd)
    {
        _loop = loop;
        _fd = fd;
    }

    /// <summary>An accepted socket. It may already hold data, so a first read is tried.</summary>
    public static SocketTransport Accepted(EventLoop.EventLoop loop, int fd, ReadOnlySpan<byte> rawRemote)
    {
        var transport = new SocketTransport(loop, fd) { _readable = true, _writable = true };
        if (rawRemote.Length > 2) transport._rawRemote = rawRemote.ToArray();
        // The kernel's own limits on epoll: without events it would wait for ever, so its first read ends it.
        if (loop.Poller.Add(fd, transport, Libc.EpollIn | Libc.EpollOut | Libc.EpollRdHup | Libc.EpollEdge) < 0)
            transport.Close(reset: true);
        return transport;
    }

    /// <summary>
    /// Begins to connect. The transport is made in any case unless no socket can be had (then null and the errno);
    /// await <see cref="ConnectedAsync"/> before use.
    /// </summary>
    /// <param name="from">Where it is to begin; null: where the system says.</param>
    public static SocketTransport? Connect(EventLoop.EventLoop loop, SocketAddressBytes address, out int errno, ClientBinding? from = null)
    {
        int fd = Libc.socket(address.Family, Libc.SockStream | Libc.SockNonBlock | Libc.SockCloExec, 0);
        if (fd < 0) { errno = Libc.Errno; return null; }
        if (!DescriptorBudget.Process.LeavesRoomBeyondUpstream(fd))
        {
            Libc.close(fd);
            errno = Libc.EMFile;
            return null;
        }
        if (address.Family != Libc.AfUnix) Libc.SetOption(fd, Libc.IpProtoTcp, Libc.TcpNoDelay, 1);
        if (from is not null && SourceAddress.Bind(fd, address.Family, from) is not 0 and var unbound)
        {
            Libc.close(fd);
            errno = unbound;
            return null;
        }
        SocketTransport? transport = null;
        try
        {
            Faults.Pass(FaultPoint.Socket);
            transport = new SocketTransport(loop, fd) { _remote = address.EndPoint };
            return transport.BeginConnect(address, out errno) ? transport : null;
        }
        catch
        {
            // It belongs to nobody yet.
            Libc.close(fd);
            throw;
        }
    }

    private bool BeginConnect(SocketAddressBytes address, out int errno)
    {
        int result;
        fixed (byte* raw = address.Raw) result = Libc.connect(_fd, raw, address.Raw.Length);
        errno = result < 0 ? Libc.Errno : 0;
        // A connect that a signal interrupts goes on by itself.
        if (errno == Libc.EIntr) errno = Libc.EInProgress;
        if (errno != 0 && errno != Libc.EInProgress)
        {
            Libc.close(_fd);
            _fd = -1;
            return false;
        }
        _connecting = errno == Libc.EInProgress;
        _writable = errno == 0;
        errno = -_loop.Poller.Add(_fd, this, Libc.EpollIn | Libc.EpollOut | Libc.EpollRdHup | Libc.EpollEdge);
        if (errno == 0) return true;
        Close(reset: true);
        return false;
    }

    public int Fd => _fd;
    /// <summary>The name of the listener or cluster that it belongs to, for people.</summary>
    public string Owner { get; set; } = "";

    public override string ToString() => $"a connection of {Owner}";

    void IPollable.Abandon() => Close(reset: true);

    public override bool IsClosed => _fd < 0;
    public override bool MayRead => _readable || _again is not null;
    public override bool IsBroken => _broken;

    /// <summary>0 when connected, else -errno.</summary>
    public IoTask<int> ConnectedAsync()
    {
        if (!_connecting) return new IoTask<int>(0);
        _writePending = true;
        return new IoTask<int>(_write);
    }

    public override IoTask<int> ReadAsync(Memory<byte> buffer)
    {
        int n = TryRead(buffer.Span);
        if (n != -Libc.EAgain) return new IoTask<int>(n);
        _readBuffer = buffer;
        _readPending = true;
        _readableOnly = false;
        return new IoTask<int>(_read);
    }

    public override IoTask<int> ReadableAsync()
    {
        if (_fd < 0) return new IoTask<int>(-Libc.ECanceled);
        if (MayRead) return new IoTask<int>(1);
        _readPending = true;
        _readableOnly = true;
        return new IoTask<int>(_read);
    }

    public override int TryRead(Span<byte> buffer)
    {
        if (_fd < 0) return -Libc.ECanceled;
        if (_again is not null) return ReadAgain(buffer);
        if (!_readable || IsShareSpent()) return -Libc.EAgain;
        if (buffer.Length > SmallShare && SendsMuch && _loop.IsTurnSpent) buffer = buffer[..SmallShare];
        nint n;
        while (true)
        {
            fixed (byte* p = buffer) n = Libc.recv(_fd, p, (nuint)buffer.Length, 0);
            if (n >= 0) break;
            int errno = Libc.Errno;
            if (errno == Libc.EIntr) continue;
            if (errno == Libc.EAgain) _readable = false;
            return -errno;
        }
        _moved += (int)n;
        _unanswered += n;
        _loop.BytesMoved += n;
        // A short read has emptied the socket; an end that the loop announced is still to be read.
        if (n < buffer.Length && n > 0 && !_ended) _readable = false;
        return (int)n;
    }

    private bool IsShareSpent()
    {
        if (_turn != _loop.Turns) (_turn, _moved) = (_loop.Turns, 0);
        if (_moved < SmallShare || (_moved < Share && !_loop.IsTurnSpent)) return false;
        WaitForTurn(_loop.Turns + 1);
        return true;
    }

    private bool SendsMuch => _unanswered >= SmallShare;

    private void WaitForTurn(long turn)
    {
        _readable = false;
        _waitsForTurn = true;
        Queue(turn);
    }

    private void Queue(long turn)
    {
        if (_queued) return;
        _queued = true;
        _loop.Later(static t => ((SocketTransport)t!).OnTurn(), this, turn);
    }

    private void OnTurn()
    {
        _queued = false;
        if (_fd < 0) return;
        _readable |= _waitsForTurn;
        _waitsForTurn = false;
        if (_readPending)
        {
            if (_readable) ContinueRead();
        }
        else if (_goneUntold)
        {
            _goneUntold = false;
            PeerGone?.Invoke(PeerGoneState, !_broken);
        }
    }

    public override void AskAnew()
    {
        _readable |= _waitsForTurn;
        _waitsForTurn = false;
        _moved = 0;
    }

    public override void Unread(byte[] buffer, int start, int end) => (_again, _againStart, _againEnd) = (buffer, start, end);

    private int ReadAgain(Span<byte> buffer)
    {
        int n = Math.Min(buffer.Length, _againEnd - _againStart);
        _again.AsSpan(_againStart, n).CopyTo(buffer);
        _againStart += n;
        if (_againStart == _againEnd) ForgetUnread();
        return n;
    }

    private void ForgetUnread()
    {
        if (_again is not null) _loop.Buffers.Return(_again);
        _again = null;
    }

    public override IoTask<int> WriteAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        _unanswered = 0;
        _write1 = first;
        _write2 = second;
        int result = _fd < 0 ? -Libc.ECanceled : _writable ? Flush() : -Libc.EAgain;
        if (result != -Libc.EAgain)
        {
            _write1 = _write2 = default;
            return new IoTask<int>(result);
        }
        _writePending = true;
        return new IoTask<int>(_write);
    }

    // 0: all sent. -EAGAIN: the rest waits in the fields.
    private int Flush()
    {
        var vectors = stackalloc Libc.IoVec[2];
        while (true)
        {
            nint n;
            if (_write2.IsEmpty)
            {
                if (_write1.IsEmpty) return 0;
                fixed (byte* p = _write1.Span) n = Libc.send(_fd, p, (nuint)_write1.Length, Libc.MsgNoSignal);
            }
            else
            {
                fixed (byte* a = _write1.Span)
                fixed (byte* b = _write2.Span)
                {
                    vectors[0] = new Libc.IoVec { Base = a, Length = (nuint)_write1.Length };
                    vectors[1] = new Libc.IoVec { Base = b, Length = (nuint)_write2.Length };
                    var message = new Libc.MsgHdr { Vectors = vectors, VectorCount = 2 };
                    n = Libc.sendmsg(_fd, &message, Libc.MsgNoSignal);
                }
            }
            if (n < 0)
            {
                int errno = Libc.Errno;
                if (errno == Libc.EIntr) continue;
                if (errno == Libc.EAgain) _writable = false;
                return -errno;
            }
            int sent = (int)n, fromFirst = Math.Min(sent, _write1.Length);
            _write1 = _write1[fromFirst..];
            _write2 = _write2[(sent - fromFirst)..];
            if (_write1.IsEmpty && _write2.IsEmpty) return 0;
        }
    }

    public void OnEvents(uint events)
    {
        if ((events & (Libc.EpollErr | Libc.EpollHup | Libc.EpollRdHup)) != 0) _ended = true;
        if ((events & (Libc.EpollErr | Libc.EpollHup)) != 0) _broken = true;
        if ((events & (Libc.EpollIn | Libc.EpollErr | Libc.EpollHup | Libc.EpollRdHup)) != 0) _readable = !_waitsForTurn;
        if ((events & (Libc.EpollOut | Libc.EpollErr | Libc.EpollHup)) != 0)
        {
            _writable = true;
            if (_writePending) ContinueWrite();
            if (_fd < 0) return;
        }
        if (!_readable && !_waitsForTurn) return;
        bool isGone = (events & (Libc.EpollErr | Libc.EpollHup | Libc.EpollRdHup)) != 0;
        if (_readPending)
        {
            if (_waitsForTurn) return;
            // Thousands may go at one time, and what they leave behind is to be cleared away: after the others, as with those who send
            // much.
            if (SendsMuch || isGone) WaitForTurn(_loop.Turns);
            else ContinueRead();
        }
        else if (PeerGone is null) return;
        else if (_idleWatch) PeerGone(PeerGoneState, isGone && !_broken);
        else if (isGone)
        {
            _goneUntold = true;
            Queue(_loop.Turns);
        }
    }

    private bool _idleWatch;

    public override void WatchIdle(bool on) => _idleWatch = on;

    private void ContinueWrite()
    {
        int result;
        if (_connecting)
        {
            _connecting = false;
            result = -Libc.GetSocketError(_fd);
        }
        else
        {
            result = Flush();
            if (result == -Libc.EAgain) return;
        }
        _writePending = false;
        _write1 = _write2 = default;
        _write.Complete(result);
    }

    private void ContinueRead()
    {
        int n = 1;
        if (!_readableOnly)
        {
            n = TryRead(_readBuffer.Span);
            if (n == -Libc.EAgain) return;
        }
        EndRead(n);
    }

    private void EndRead(int result)
    {
        _readPending = false;
        _readBuffer = default;
        _read.Complete(result);
    }

    public override void CancelRead(int errno)
    {
        if (_readPending) EndRead(-errno);
    }

    public override void CancelWrite(int errno)
    {
        if (!_writePending) return;
        _writePending = false;
        _write1 = _write2 = default;
        _write.Complete(-errno);
    }

    public override void ShutdownWrite()
    {
        if (_fd >= 0) Libc.shutdown(_fd, Libc.ShutWrite);
    }

    public override void Close(bool reset = false)
    {
        if (_fd < 0) return;
        int fd = _fd;
        if (_rawRemote is not null) _ = RemoteAddress; // still readable afterwards, for the access log
        _fd = -1;
        _loop.Poller.Forget(fd);
        if (reset)
        {
            long linger = 1; // struct linger { l_onoff = 1, l_linger = 0 }
            Libc.setsockopt(fd, Libc.SolSocket, Libc.SoLinger, &linger, 8);
        }
        Libc.close(fd);
        ForgetUnread();
        PeerGone = null;
        CancelWrite(Libc.ECanceled);
        CancelRead(Libc.ECanceled);
    }

    public override IPEndPoint? RemoteAddress
    {
        get
        {
            if (_rawRemote is null) return _remote;
            _remote = SocketAddressBytes.ToEndPoint(_rawRemote);
            _rawRemote = null;
            return _remote;
        }
    }

    public override IPEndPoint? LocalAddress => _local ??= _fd < 0 ? null : SocketAddressBytes.LocalOf(_fd);
}
