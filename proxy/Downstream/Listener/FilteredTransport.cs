using System.Net;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>
/// A connection's transport with network filters on it: whoever reads and writes it sees what the filters let through. Reading is by
/// demand, so a filter sees bytes when the terminal filter wants some, and nothing piles up for a slow one.
/// </summary>
internal sealed class FilteredTransport(EventLoop loop, Transport inner, NetworkFilter[] filters) : Transport
{
    private const int Most = 1 << 20;

    private readonly ByteWriter _in = new(loop.Buffers), _ready = new(loop.Buffers), _out = new(loop.Buffers);
    private readonly Signal _goOn = new(), _sent = new();
    private ByteWriter _sending = new(loop.Buffers), _onItsWay = new(loop.Buffers);
    private int _taken; // of _ready
    private int _begun; // filters that know of the connection
    private int _stoppedAt, _outStoppedAt, _cancel, _writeError;
    private bool _letIn, _inEnd, _readyEnd, _stopped, _outEnd, _outStopped, _flushing, _closing, _ended, _waiting, _woken, _peerGone;

    public override IPEndPoint? RemoteAddress => inner.RemoteAddress;
    public override IPEndPoint? LocalAddress => inner.LocalAddress;
    public override bool IsClosed => inner.IsClosed;
    public override bool IsBroken => inner.IsBroken;
    public override bool MayRead => HasReady || _readyEnd || (!_inEnd && !IsFull && inner.MayRead);

    private bool HasReady => _ready.Length > _taken;
    private bool IsFull => _stopped && _in.Length >= Most;

    /// <summary>The filters took longer than they may to let the connection begin.</summary>
    public bool BeganTooLate { get; private set; }

    /// <summary>Asks the filters whether the connection may begin, and waits while they think. False: it is over.</summary>
    /// <param name="patienceMicros">For how long; 0 for ever.</param>
    public async IoTask<bool> BeginAsync(long patienceMicros)
    {
        inner.PeerGone = static (s, half) => ((FilteredTransport)s!).OnPeerGone(half);
        inner.PeerGoneState = this;
        PassIn();
        if (_letIn) return !_closing && !inner.IsClosed;
        var timer = new WheelTimer(static t => ((FilteredTransport)t!).CancelRead(Libc.ETimedOut), this);
        if (patienceMicros > 0) loop.Timers.Arm(timer, patienceMicros);
        int n = 0;
        // What the client sends first may be what a filter waits for.
        while (!_letIn && !_closing && !inner.IsClosed && (n >= 0 || n == -Libc.EIntr)) n = await FillAsync();
        loop.Timers.Remove(timer);
        BeganTooLate = !_letIn && n == -Libc.ETimedOut;
        return _letIn && !_closing && !inner.IsClosed;
    }

    /// <summary>The connection is over; each filter is told, once.</summary>
    public void End(ConnectionEnd end)
    {
        if (_ended) return;
        _ended = true;
        foreach (var filter in filters) filter.OnClose(end);
    }

    public void ContinueReading() => loop.Defer(static s =>
    {
        var transport = (FilteredTransport)s!;
        if (transport._ended || !transport._stopped) return;
        transport.PassIn(transport._stoppedAt + 1);
        transport.Wake();
    }, this);

    public void ContinueWriting() => loop.Defer(static s =>
    {
        var transport = (FilteredTransport)s!;
        if (transport._ended || !transport._outStopped) return;
        transport.PassOut(transport._outStoppedAt - 1);
        transport.FlushAsync().Forget();
    }, this);

    public void CloseSoon()
    {
        if (_closing) return;
        _closing = true;
        loop.Defer(static s => ((FilteredTransport)s!).CloseNowAsync().Forget(), this);
    }

    // ---- from the client

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

    public override async IoTask<int> ReadableAsync()
    {
        while (!HasReady && !_readyEnd)
        {
            if (_closing || inner.IsClosed) return -Libc.ECanceled;
            int n = await FillAsync();
            if (n < 0 && !(n == -Libc.EIntr && _woken)) return n;
        }
        return 1;
    }

    public override int TryRead(Span<byte> buffer)
    {
        if (!HasReady && !_readyEnd)
        {
            int n = TryFill();
            if (n < 0) return n;
        }
        if (HasReady)
        {
            int n = Math.Min(buffer.Length, _ready.Length - _taken);
            _ready.Written.Slice(_taken, n).CopyTo(buffer);
            _taken += n;
            if (!HasReady) { _ready.Release(); _taken = 0; }
            return n;
        }
        return _readyEnd ? 0 : -Libc.EAgain;
    }

    public override void CancelRead(int errno)
    {
        _cancel = errno;
        if (_waiting) _goOn.Set(); else inner.CancelRead(errno);
    }

    // One more reading, passed through the filters; -errno, -EINTR also when a filter went on.
    private async IoTask<int> FillAsync()
    {
        _woken = false;
        if (_inEnd || IsFull)
        {
            // Nothing to read: a filter must go on first.
            if (inner.IsBroken) return -Libc.EConnReset;
            _waiting = true;
            await _goOn.WaitAsync();
            _waiting = false;
            if (_cancel == 0) { _woken = true; return -Libc.EIntr; }
            int cancelled = _cancel;
            _cancel = 0;
            return -cancelled;
        }
        int n = await inner.ReadableAsync();
        _cancel = 0;
        if (n < 0) return n;
        n = TryFill();
        return n == -Libc.EAgain ? 1 : n;
    }

    private int TryFill()
    {
        if (_inEnd || IsFull) return -Libc.EAgain;
        // Short of memory nothing more is kept for a filter that waits.
        if (_stopped && _in.Length > 0 && loop.Buffers.Budget.IsSpent) { CloseSoon(); return -Libc.ECanceled; }
        byte[] buffer = loop.Buffers.Rent();
        int n = inner.TryRead(buffer);
        if (n > 0) _in.Write(buffer.AsSpan(0, n)); else if (n == 0) _inEnd = true;
        loop.Buffers.Return(buffer);
        if (n >= 0) PassIn();
        else if (n is not (-Libc.EAgain or -Libc.ECanceled)) _peerGone = true;
        return n < 0 ? n : 1;
    }

    private void PassIn(int from = 0)
    {
        _stopped = false;
        for (int i = from; i < filters.Length; i++)
        {
            if (_closing) return;
            if (i == _begun)
            {
                _begun++;
                if (filters[i].OnNewConnection() != NetworkStatus.Continue) { Stop(i); return; }
            }
            if ((_in.Length > 0 || _inEnd) && !_closing && filters[i].OnData(_in, _inEnd) != NetworkStatus.Continue) { Stop(i); return; }
        }
        if (_closing) return;
        _ready.Write(_in.Written);
        _in.Release();
        _readyEnd = _inEnd;
        _letIn = true;
    }

    private void Stop(int at)
    {
        _stopped = true;
        _stoppedAt = at;
    }

    private void Wake()
    {
        _woken = true;
        if (_waiting) _goOn.Set(); else inner.CancelRead(Libc.EIntr);
    }

    // ---- to the client

    public override async IoTask<int> WriteAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        while ((_flushing || (_outStopped && _out.Length >= Most)) && _writeError == 0) await _sent.WaitAsync();
        if (_writeError != 0) return -_writeError;
        _out.Write(first.Span);
        _out.Write(second.Span);
        PassOut(filters.Length - 1);
        return await FlushAsync();
    }

    public override void CancelWrite(int errno)
    {
        _writeError = errno;
        _sent.Set();
        inner.CancelWrite(errno);
    }

    public override void ShutdownWrite()
    {
        _outEnd = true;
        if (_flushing) return; // its end follows what is on its way
        PassOut(filters.Length - 1);
        FlushAsync().Forget();
    }

    private void PassOut(int from)
    {
        _outStopped = false;
        for (int i = from; i >= 0; i--)
            if ((_out.Length > 0 || _outEnd) && filters[i].OnWrite(_out, _outEnd) != NetworkStatus.Continue)
            {
                _outStopped = true;
                _outStoppedAt = i;
                return;
            }
        _sending.Write(_out.Written);
        _out.Release();
    }

    private async IoTask<int> FlushAsync()
    {
        if (_flushing) return 0;
        _flushing = true;
        int n = 0;
        while (_sending.Length > 0 && n >= 0)
        {
            (_onItsWay, _sending) = (_sending, _onItsWay);
            _sending.Clear();
            n = await inner.WriteAsync(_onItsWay.WrittenMemory);
        }
        _sending.Release();
        _onItsWay.Release();
        _flushing = false;
        if (n >= 0 && _outEnd && !_outStopped) inner.ShutdownWrite();
        _sent.Set();
        return n;
    }

    // ---- the end

    public override void Close(bool reset = false)
    {
        End(_peerGone ? ConnectionEnd.Remote : ConnectionEnd.Local);
        _closing = true;
        inner.Close(reset);
        _writeError = Libc.ECanceled;
        if (_waiting) { _cancel = Libc.ECanceled; _goOn.Set(); }
        _sent.Set();
        _in.Release();
        _ready.Release();
        _out.Release();
        _taken = 0;
    }

    private async IoTask<bool> CloseNowAsync()
    {
        await FlushAsync();
        End(ConnectionEnd.Local);
        inner.Close();
        CancelRead(Libc.ECanceled);
        // Whoever runs the connection sees it end, and closes what belongs to it.
        PeerGone?.Invoke(PeerGoneState, false);
        return true;
    }

    private void OnPeerGone(bool half)
    {
        if (!half)
        {
            _peerGone = true;
            // Whoever waits for a filter to go on need not any more: before the terminal filter begins nobody else would say so.
            if (_waiting) { _cancel = Libc.EConnReset; _goOn.Set(); }
        }
        PeerGone?.Invoke(PeerGoneState, half);
    }
}
