using System.Net;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;

namespace Managed.TestKit;

/// <summary>
/// One end of a pair of connected streams on one loop: no socket, no system call, no allocation after <see cref="Pair"/>. Each end reads
/// from a ring that the other writes into; a full ring makes the writer wait. What an operation of one end makes possible at the other
/// happens later in the same turn of the loop, as an event would, never on the caller's stack. Loop thread only.
/// </summary>
internal sealed class InMemoryTransport : Transport
{
    /// <summary>Bytes under way in one direction.</summary>
    public const int Capacity = 64 * 1024;

    private readonly EventLoop _loop;
    private readonly byte[] _ring = new byte[Capacity];
    private readonly IoSource<int> _read = new(), _write = new();
    private InMemoryTransport _peer = null!;
    private int _start, _count;
    private bool _ended, _reset, _endTold, _shut, _closed, _scheduled;
    private bool _readPending, _readableOnly, _writePending;
    private Memory<byte> _readBuffer;
    private ReadOnlyMemory<byte> _write1, _write2;

    private InMemoryTransport(EventLoop loop, IPEndPoint? local, IPEndPoint? remote)
    {
        _loop = loop;
        LocalAddress = local;
        RemoteAddress = remote;
    }

    /// <param name="loop">Both ends live on it.</param>
    /// <param name="near">The address that <c>Near</c> has and <c>Far</c> sees.</param>
    /// <param name="far">The other.</param>
    public static (InMemoryTransport Near, InMemoryTransport Far) Pair(EventLoop loop, IPEndPoint? near = null, IPEndPoint? far = null)
    {
        var a = new InMemoryTransport(loop, near, far);
        var b = new InMemoryTransport(loop, far, near) { _peer = a };
        a._peer = b;
        return (a, b);
    }

    public override IPEndPoint? RemoteAddress { get; }
    public override IPEndPoint? LocalAddress { get; }
    public override bool IsClosed => _closed;
    public override bool MayRead => _count > 0 || _ended || _reset;

    public override int TryRead(Span<byte> buffer)
    {
        if (_closed) return -Libc.ECanceled;
        if (_reset) return -Libc.EConnReset;
        if (_count == 0) return _ended ? 0 : -Libc.EAgain;
        int n = Math.Min(_count, buffer.Length), run = Math.Min(n, Capacity - _start);
        _ring.AsSpan(_start, run).CopyTo(buffer);
        _ring.AsSpan(0, n - run).CopyTo(buffer[run..]);
        _count -= n;
        _start = _count == 0 ? 0 : (_start + n) % Capacity; // the same few bytes stay in cache
        if (_peer._writePending) _peer.Schedule();
        return n;
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
        if (_closed) return new IoTask<int>(-Libc.ECanceled);
        if (MayRead) return new IoTask<int>(1);
        _readPending = _readableOnly = true;
        return new IoTask<int>(_read);
    }

    public override IoTask<int> WriteAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        _write1 = first;
        _write2 = second;
        int result = Flush();
        if (result == -Libc.EAgain)
        {
            _writePending = true;
            return new IoTask<int>(_write);
        }
        _write1 = _write2 = default;
        return new IoTask<int>(result);
    }

    public override void CancelRead(int errno)
    {
        if (_readPending) EndRead(-errno);
    }

    public override void CancelWrite(int errno)
    {
        if (_writePending) EndWrite(-errno);
    }

    public override void ShutdownWrite()
    {
        if (_closed || _shut) return;
        _shut = true;
        _peer._ended = true;
        _peer.Schedule();
    }

    public override void Close(bool reset = false)
    {
        if (_closed) return;
        _closed = true;
        _peer._ended = true;
        // As the kernel does: unread bytes turn a close into a reset.
        _peer._reset |= reset || _count > 0;
        _peer.Schedule();
        PeerGone = null;
        CancelWrite(Libc.ECanceled);
        CancelRead(Libc.ECanceled);
    }

    // 0: the peer's ring has all of it. -EAGAIN: the rest waits in the fields.
    private int Flush()
    {
        if (_closed) return -Libc.ECanceled;
        if (_shut || _peer._closed) return -Libc.EPipe;
        Give(ref _write1);
        if (_write1.IsEmpty) Give(ref _write2);
        return _write1.IsEmpty && _write2.IsEmpty ? 0 : -Libc.EAgain;
    }

    private void Give(ref ReadOnlyMemory<byte> data)
    {
        var to = _peer;
        int n = Math.Min(data.Length, Capacity - to._count);
        if (n == 0) return;
        int at = (to._start + to._count) % Capacity, run = Math.Min(n, Capacity - at);
        data.Span[..run].CopyTo(to._ring.AsSpan(at));
        data.Span[run..n].CopyTo(to._ring);
        to._count += n;
        data = data[n..];
        to.Schedule();
    }

    private void Schedule()
    {
        if (_scheduled) return;
        _scheduled = true;
        _loop.Defer(static t => ((InMemoryTransport)t!).OnEvent(), this);
    }

    private void OnEvent()
    {
        _scheduled = false;
        if (_writePending && Flush() is var result && result != -Libc.EAgain) EndWrite(result);
        if (_closed || !MayRead) return;
        if (_readPending) EndRead(_readableOnly ? 1 : TryRead(_readBuffer.Span));
        else if (_ended && !_endTold) PeerGone?.Invoke(PeerGoneState, !_reset && !_peer._closed);
        _endTold |= _ended;
    }

    private void EndRead(int result)
    {
        _readPending = false;
        _readBuffer = default;
        _read.Complete(result);
    }

    private void EndWrite(int result)
    {
        _writePending = false;
        _write1 = _write2 = default;
        _write.Complete(result);
    }
}
