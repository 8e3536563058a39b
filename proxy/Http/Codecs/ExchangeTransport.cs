using System.Net;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Http.Codecs;

/// <summary>
/// The bodies of a request and of its response as bytes both ways, whatever frames them. Their ends are ends, what breaks them is a reset.
/// Whoever has the exchange gives it back.
/// <para>Protocol of use: after the final head, and after <see cref="ClientExchange.BeginBody"/>.</para>
/// </summary>
internal sealed class ExchangeTransport(Exchange exchange) : Transport
{
    private ReadOnlyMemory<byte> _rest; // of what was given out; valid until the next fill
    private int _cancelled;
    private readonly Signal _flushed = new();
    private bool _ended, _failed, _closed, _shut, _flushing;
    private int _result;

    public override bool IsClosed => _closed;
    public override bool IsBroken => _failed;
    public override bool MayRead => _closed || Has();
    public override IPEndPoint? RemoteAddress => null;
    public override IPEndPoint? LocalAddress => null;

    public override int TryRead(Span<byte> buffer)
    {
        if (_closed) return -Libc.ECanceled;
        if (!Has()) return -Libc.EAgain;
        if (_rest.IsEmpty) return _failed ? -Libc.EConnReset : 0;
        int n = Math.Min(buffer.Length, _rest.Length);
        _rest.Span[..n].CopyTo(buffer);
        _rest = _rest[n..];
        return n;
    }

    public override async IoTask<int> ReadAsync(Memory<byte> buffer)
    {
        int n;
        while ((n = TryRead(buffer.Span)) == -Libc.EAgain)
            if (await ReadableAsync() is < 0 and var error) return error;
        return n;
    }

    public override async IoTask<int> ReadableAsync()
    {
        _cancelled = 0;
        while (!MayRead)
        {
            int n = await exchange.FillAsync();
            if (_closed) return -Libc.ECanceled;
            if (_cancelled != 0) return -_cancelled;
            if (n == -Libc.EIntr) return n;
            // The connection is over: the body has ended with it, or never will.
            if (n <= 0 && !Has()) _failed = true;
        }
        return _closed ? -Libc.ECanceled : 1;
    }

    public override async IoTask<int> WriteAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        if (_closed || _shut) return -Libc.EPipe;
        if (!first.IsEmpty && await exchange.WriteBodyAsync(first) is < 0 and var error) return error;
        if (!second.IsEmpty && await exchange.WriteBodyAsync(second) is < 0 and var failed) return failed;
        return await exchange.FlushAsync();
    }

    public override void CancelRead(int errno)
    {
        _cancelled = errno;
        exchange.InterruptRead();
    }

    public override void CancelWrite(int errno) => exchange.InterruptWrite();

    public override void ShutdownWrite()
    {
        if (_closed || _shut) return;
        _shut = true;
        exchange.WriteEnd(null);
        EndAsync().Forget();
    }

    /// <summary>When the end of what was written has gone out too: 0 or -errno.</summary>
    public async IoTask<int> EndedAsync()
    {
        while (_flushing) await _flushed.WaitAsync();
        return _result;
    }

    private async IoTask<bool> EndAsync()
    {
        _flushing = true;
        _result = await exchange.FlushAsync();
        _flushing = false;
        _flushed.Set();
        return true;
    }

    public override void Close(bool reset = false)
    {
        if (_closed) return;
        _closed = true;
        exchange.InterruptRead();
    }

    private bool Has()
    {
        if (!_rest.IsEmpty || _ended || _failed) return true;
        switch (exchange.TryReadBody(out _rest))
        {
            case BodyResult.Data: return !_rest.IsEmpty;
            case BodyResult.End: return _ended = true;
            case BodyResult.NeedMore: return false;
            default: return _failed = true;
        }
    }
}
