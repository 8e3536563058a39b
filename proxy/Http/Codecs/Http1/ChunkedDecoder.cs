using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http1;

/// <summary>
/// The chunked coding (RFC 9112 section 7.1), with trailers. Extensions are checked and dropped. Bounded: a size line and the trailer
/// section each; extensions in sum, since a body of one-byte chunks with long extensions would cost much and carry little.
/// </summary>
internal sealed class ChunkedDecoder
{
    private enum State { Size, Data, DataEnd, Trailers, Done }

    // nginx and Go bound a size line to 4 KiB; the sum as Go's net/http: 16 KiB more than the data has brought.
    private const int MaxSizeLine = 4096, MaxExcess = 16 * 1024;

    private State _state;
    private long _left;
    private int _scanned, _trailerBytes, _trailerCount;
    private long _excess;
    private HeaderMap _trailers = null!;

    public int MaxTrailerBytes { get; set; } = 60 * 1024;
    public int MaxTrailers { get; set; } = 100;
    /// <summary>Status for the client when <see cref="BodyResult.Error"/> came.</summary>
    public int ErrorStatus { get; private set; }

    public void Begin(HeaderMap trailers)
    {
        _state = State.Size;
        _left = 0;
        _scanned = _trailerBytes = _trailerCount = 0;
        _excess = 0;
        _trailers = trailers;
        trailers.Clear();
        ErrorStatus = 400;
    }

    /// <summary>The next run of data, at the front of <paramref name="input"/> (consume it), or why there is none.</summary>
    public BodyResult Next(InputBuffer input, out int dataLength)
    {
        dataLength = 0;
        while (true)
        {
            var data = input.Unread;
            switch (_state)
            {
                case State.Size:
                {
                    int lf = data[_scanned..].IndexOf((byte)'\n');
                    if (lf < 0)
                    {
                        _scanned = data.Length;
                        return data.Length > MaxSizeLine || !CouldBeSize(data) ? BodyResult.Error : BodyResult.NeedMore;
                    }
                    int length = _scanned + lf + 1;
                    _scanned = 0;
                    if (length > MaxSizeLine || !ParseSize(data[..length], out _left)) return BodyResult.Error;
                    _excess = Math.Max(0, _excess + length - 18 - _left);
                    if (_excess > MaxExcess) return BodyResult.Error;
                    input.Consume(length);
                    _state = _left == 0 ? State.Trailers : State.Data;
                    break;
                }
                case State.Data:
                    if (_left == 0) { _state = State.DataEnd; break; }
                    if (data.IsEmpty) return BodyResult.NeedMore;
                    dataLength = (int)Math.Min(_left, data.Length);
                    _left -= dataLength;
                    return BodyResult.Data;
                case State.DataEnd:
                    if (data.Length > 0 && data[0] != '\r') return BodyResult.Error;
                    if (data.Length < 2) return BodyResult.NeedMore;
                    if (data[1] != '\n') return BodyResult.Error;
                    input.Consume(2);
                    _state = State.Size;
                    break;
                case State.Trailers:
                {
                    int lf = data[_scanned..].IndexOf((byte)'\n');
                    if (lf < 0)
                    {
                        _scanned = data.Length;
                        if (_trailerBytes + data.Length <= MaxTrailerBytes) return BodyResult.NeedMore;
                        ErrorStatus = 431;
                        return BodyResult.Error;
                    }
                    int length = _scanned + lf + 1;
                    _scanned = 0;
                    _trailerBytes += length;
                    if (_trailerBytes > MaxTrailerBytes) { ErrorStatus = 431; return BodyResult.Error; }
                    if (length < 2 || data[length - 2] != '\r') return BodyResult.Error;
                    if (length == 2)
                    {
                        input.Consume(2);
                        _state = State.Done;
                        return BodyResult.End;
                    }
                    if (++_trailerCount > MaxTrailers) { ErrorStatus = 431; return BodyResult.Error; }
                    if (!FieldSyntax.Split(data[..(length - 2)], out var name, out var value)) return BodyResult.Error;
                    if (MayTrail(name)) _trailers.Add(name, value);
                    input.Consume(length);
                    break;
                }
                default:
                    return BodyResult.End;
            }
        }
    }

    /// <summary>Behind a run of data: takes the end of the body, when it is there whole and has no trailers.</summary>
    public bool TryEnd(InputBuffer input)
    {
        if (_state != State.Data || _left != 0 || !input.Unread.StartsWith("\r\n0\r\n\r\n"u8)) return false;
        input.Consume(7);
        _state = State.Done;
        return true;
    }

    /// <summary>
    /// Trailers must not frame, route, authenticate or control (RFC 9110 section 6.5.1); such fields are dropped, and with them what
    /// proxies tell each other in headers.
    /// </summary>
    private static bool MayTrail(ReadOnlySpan<byte> name) => HeaderNames.Find(name) switch
    {
        HeaderId.Unknown => !ProxyFields.AreOurs(name) && !FieldSyntax.LooksLikeFraming(name),
        HeaderId.GrpcStatus or HeaderId.GrpcMessage or HeaderId.Etag or HeaderId.Date or HeaderId.Server => true,
        _ => false,
    };

    private static bool CouldBeSize(ReadOnlySpan<byte> start)
        => start.IsEmpty || char.IsAsciiHexDigit((char)start[0]);

    // chunk-size [ chunk-ext ] CRLF
    private static bool ParseSize(ReadOnlySpan<byte> line, out long size)
    {
        size = 0;
        if (line.Length < 3 || line[^2] != '\r') return false;
        line = line[..^2];
        int i = 0;
        for (; i < line.Length && char.IsAsciiHexDigit((char)line[i]); i++)
        {
            if (size >> 55 != 0) return false; // leaves room below 2^63 for what is added to it
            size = (size << 4) | (uint)(line[i] <= '9' ? line[i] - '0' : (line[i] | 0x20) - 'a' + 10);
        }
        if (i is 0 or > 16) return false;
        if (i == line.Length) return true;
        var extension = FieldSyntax.Trim(line[i..]);
        return !extension.IsEmpty && extension[0] == ';' && FieldSyntax.IsValue(extension) && QuotesClose(extension);
    }

    // An open quoted-string would swallow the CRLF for a recipient that reads it so.
    private static bool QuotesClose(ReadOnlySpan<byte> extension)
    {
        bool quoted = false;
        for (int i = 0; i < extension.Length; i++)
        {
            if (extension[i] == '"') quoted = !quoted;
            else if (quoted && extension[i] == '\\') i++;
        }
        return !quoted;
    }
}
