using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http1;

/// <summary>
/// Writes messages of either kind to a connection. Heads and small pieces are collected and leave in one send with what follows;
/// a large piece is sent from where it lies.
/// </summary>
/// <param name="buffers">What waits is in one of these, which is given back as soon as it is sent.</param>
internal sealed class MessageWriter(BufferPool buffers)
{
    // Below this, copying costs less than a second vector.
    private const int CopyBelow = 2048, FlushAbove = 16 * 1024;
    // A usual head.
    private const int HeadRoom = 1024;

    private readonly ByteWriter _out = new(buffers);
    private Transport _transport = null!;
    private bool _chunked;

    public long BytesSent { get; private set; }
    public long HeadBytes { get; private set; }

    public void Begin(Transport transport)
    {
        _transport = transport;
        _out.Release();
        _chunked = false;
        BytesSent = HeadBytes = 0;
    }

    /// <summary>After an exchange, however it ended.</summary>
    public void Release() => _out.Release();

    /// <summary><c>METHOD path HTTP/1.1</c>, host, fields. Framing fields are written from the arguments, never from the map.</summary>
    public void RequestHead(HeaderMap headers, long contentLength, bool chunked, bool upgrade)
    {
        _out.GetSpan(HeadRoom);
        var method = headers.Get(HeaderId.Method);
        bool connect = upgrade && method.SequenceEqual("CONNECT"u8);
        _out.Write(method);
        _out.Write((byte)' ');
        _out.Write(headers.Get(connect ? HeaderId.Authority : HeaderId.Path));
        _out.Write(" HTTP/1.1\r\nhost: "u8);
        _out.Write(headers.Get(HeaderId.Authority));
        _out.Write("\r\n"u8);
        Fields(headers);
        Framing(contentLength, chunked);
        if (upgrade && !connect) _out.Write("connection: upgrade\r\n"u8);
        _out.Write("\r\n"u8);
        HeadBytes = _out.Length;
    }

    public void ResponseHead(HeaderMap headers, int status, long contentLength, bool chunked, ReadOnlySpan<byte> connection)
    {
        _out.GetSpan(HeadRoom);
        _out.Write("HTTP/1.1 "u8);
        if (headers.ReasonPhrase is { } reason)
        {
            _out.Write(StatusText.Line(status)[..4]); // the digits and the space
            _out.Write(reason);
            _out.Write("\r\n"u8);
        }
        else _out.Write(StatusText.Line(status));
        Fields(headers);
        Framing(contentLength, chunked);
        if (!connection.IsEmpty)
        {
            _out.Write("connection: "u8);
            _out.Write(connection);
            _out.Write("\r\n"u8);
        }
        _out.Write("\r\n"u8);
        HeadBytes = _out.Length;
    }

    /// <summary>A 1xx response.</summary>
    public void Informational(HeaderMap headers, int status)
    {
        _out.Write("HTTP/1.1 "u8);
        _out.Write(StatusText.Line(status));
        Fields(headers);
        _out.Write("\r\n"u8);
    }

    /// <summary>Forgets what waits, if nothing of this exchange was sent.</summary>
    public bool TryTakeBack()
    {
        if (BytesSent > 0) return false;
        _out.Release();
        _chunked = false;
        return true;
    }

    public IoTask<int> WriteAsync(ReadOnlyMemory<byte> piece)
    {
        if (piece.IsEmpty) return new IoTask<int>(0);
        if (_transport.IsClosed) return new IoTask<int>(-Libc.ECanceled);
        if (_chunked)
        {
            _out.WriteHex(piece.Length);
            _out.Write("\r\n"u8);
        }
        if (piece.Length < CopyBelow)
        {
            _out.Write(piece.Span);
            if (_chunked) _out.Write("\r\n"u8);
            return _out.Length > FlushAbove ? FlushAsync() : new IoTask<int>(0);
        }
        BytesSent += _out.Length + piece.Length;
        var sending = _transport.WriteAsync(_out.WrittenMemory, piece);
        if (!sending.IsCompleted) return FinishAsync(sending, _chunked);
        return new IoTask<int>(Sent(sending.GetAwaiter().GetResult(), _chunked));
    }

    public void End(HeaderMap? trailers)
    {
        if (!_chunked || _transport.IsClosed) return;
        _out.Write("0\r\n"u8);
        if (trailers is not null) Fields(trailers);
        _out.Write("\r\n"u8);
        _chunked = false;
    }

    public IoTask<int> FlushAsync()
    {
        if (_out.Length == 0) return new IoTask<int>(0);
        BytesSent += _out.Length;
        var sending = _transport.WriteAsync(_out.WrittenMemory);
        if (!sending.IsCompleted) return FinishAsync(sending, false);
        _out.Release();
        return sending;
    }

    private async IoTask<int> FinishAsync(IoTask<int> sending, bool endChunk)
        => Sent(await sending, endChunk);

    private int Sent(int result, bool endChunk)
    {
        _out.Release();
        if (endChunk && result >= 0) _out.Write("\r\n"u8);
        return result;
    }

    private void Fields(HeaderMap headers)
    {
        int cursor = 0;
        while (headers.Next(ref cursor, out HeaderId id, out var name, out var value))
        {
            if (id is >= HeaderId.Method and <= HeaderId.Host or HeaderId.ContentLength or HeaderId.TransferEncoding or HeaderId.Connection)
                continue;
            var span = _out.GetSpan(name.Length + value.Length + 4);
            name.CopyTo(span);
            span[name.Length] = (byte)':';
            span[name.Length + 1] = (byte)' ';
            value.CopyTo(span[(name.Length + 2)..]);
            int end = name.Length + 2 + value.Length;
            span[end] = (byte)'\r';
            span[end + 1] = (byte)'\n';
            _out.Advance(end + 2);
        }
    }

    private void Framing(long contentLength, bool chunked)
    {
        _chunked = chunked;
        if (chunked) _out.Write("transfer-encoding: chunked\r\n"u8);
        else if (contentLength >= 0)
        {
            _out.Write("content-length: "u8);
            _out.Write(contentLength);
            _out.Write("\r\n"u8);
        }
    }
}
