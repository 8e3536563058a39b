using System.Net;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Codecs.Http2.Frames;

namespace Managed.Proxy.Http.Codecs.Http2;

/// <summary>
/// A stream that has switched to another protocol, as bytes both ways: DATA frames. Its end is END_STREAM, its reset RST_STREAM. Whoever
/// has the stream finishes it.
/// </summary>
internal sealed class Http2StreamTransport(EventLoop loop, Http2Stream stream) : Transport
{
    private readonly IoSource<int> _reading = new();
    private ReadOnlyMemory<byte> _rest; // of what the stream has given out
    private bool _readPending, _closed, _shut;

    public override bool IsClosed => _closed;
    public override bool IsBroken => stream.IsReset;
    public override bool MayRead => !_rest.IsEmpty || stream.IsReset || stream.Body.HasMore || stream.RemoteEnded;
    public override IPEndPoint? RemoteAddress => stream.Connection?.Transport.RemoteAddress;
    public override IPEndPoint? LocalAddress => stream.Connection?.Transport.LocalAddress;

    public override int TryRead(Span<byte> buffer)
    {
        if (_closed) return -Libc.ECanceled;
        if (_rest.IsEmpty) _rest = stream.TakeBody();
        if (_rest.IsEmpty) return stream.IsReset ? -Libc.EConnReset : stream.RemoteEnded ? 0 : -Libc.EAgain;
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

    public override IoTask<int> ReadableAsync()
    {
        if (_closed) return new IoTask<int>(-Libc.ECanceled);
        if (MayRead) return new IoTask<int>(1);
        _readPending = true;
        WaitAsync().Forget();
        return new IoTask<int>(_reading);
    }

    public override async IoTask<int> WriteAsync(ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        if (_closed || _shut) return -Libc.EPipe;
        if (!first.IsEmpty && await stream.WriteAsync(first) is < 0 and var error) return error;
        if (!second.IsEmpty && await stream.WriteAsync(second) is < 0 and var failed) return failed;
        return await stream.FlushAsync();
    }

    public override void CancelRead(int errno)
    {
        if (!_readPending) return;
        EndRead(-errno);
        stream.InterruptRead();
    }

    public override void CancelWrite(int errno) => stream.InterruptWrite();

    public override void ShutdownWrite()
    {
        if (_closed || _shut) return;
        _shut = true;
        stream.End(null);
    }

    public override void Close(bool reset = false)
    {
        if (_closed) return;
        _closed = true;
        if (reset || !_shut || !stream.RemoteEnded) stream.Reset(Http2Error.Cancel);
        loop.Defer(static t => ((Http2StreamTransport)t!).CancelRead(Libc.ECanceled), this);
    }

    // The stream's own wait, which ends for its own reasons.
    private async IoTask<bool> WaitAsync()
    {
        int result = await stream.ReadableAsync();
        if (_readPending) EndRead(result < 0 && !stream.IsReset ? result : 1);
        return true;
    }

    private void EndRead(int result)
    {
        _readPending = false;
        _reading.Complete(result);
    }
}
