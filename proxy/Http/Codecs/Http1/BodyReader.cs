using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http1;

/// <summary>
/// Takes the body of one message out of a connection's input, by whichever of the framings of RFC 9112 section 6.3 applies.
/// </summary>
internal sealed class BodyReader
{
    private enum Framing { None, Length, Chunked, UntilClose }

    private readonly ChunkedDecoder _chunked = new();
    private Framing _framing;
    private long _left;
    private bool _closed;

    public bool Done { get; private set; }
    public int ErrorStatus => _framing == Framing.Chunked ? _chunked.ErrorStatus : 400;
    /// <summary>A large buffer pays.</summary>
    public bool IsLong => _framing == Framing.UntilClose || (_framing == Framing.Length && _left > 32 * 1024);
    public bool IsUntilClose => _framing == Framing.UntilClose;
    /// <summary>What is known to be left; long.MaxValue when unknown.</summary>
    public long Left => _framing switch { Framing.None => 0, Framing.Length => _left, _ => Done ? 0 : long.MaxValue };

    public void BeginNone() => Begin(Framing.None, 0);
    public void BeginLength(long length) => Begin(length == 0 ? Framing.None : Framing.Length, length);
    public void BeginUntilClose() => Begin(Framing.UntilClose, 0);
    public void BeginChunked(HeaderMap trailers)
    {
        Begin(Framing.Chunked, 0);
        _chunked.Begin(trailers);
    }

    /// <summary>The connection's end came; only a body that ends so is complete by it.</summary>
    public void Closed() => _closed = true;

    public BodyResult Next(InputBuffer input, out ReadOnlyMemory<byte> piece)
    {
        piece = default;
        if (Done) return BodyResult.End;
        int length;
        switch (_framing)
        {
            case Framing.Length:
                if (_left == 0) { Done = true; return BodyResult.End; }
                if (input.Length == 0) return _closed ? BodyResult.Error : BodyResult.NeedMore;
                length = (int)Math.Min(_left, input.Length);
                _left -= length;
                break;
            case Framing.UntilClose:
                if (input.Length == 0)
                {
                    Done = _closed;
                    return _closed ? BodyResult.End : BodyResult.NeedMore;
                }
                length = input.Length;
                break;
            case Framing.Chunked:
                var result = _chunked.Next(input, out length);
                if (result == BodyResult.NeedMore && _closed) return BodyResult.Error;
                if (result != BodyResult.Data)
                {
                    Done = result == BodyResult.End;
                    return result;
                }
                break;
            default:
                Done = true;
                return BodyResult.End;
        }
        piece = input.Slice(0, length);
        input.Consume(length);
        // Known with the last piece where it can be: filters would rather see the end there than in an empty piece.
        Done = _framing == Framing.Length ? _left == 0 : _framing == Framing.Chunked && _chunked.TryEnd(input);
        return BodyResult.Data;
    }

    private void Begin(Framing framing, long left)
    {
        _framing = framing;
        _left = left;
        _closed = false;
        Done = framing == Framing.None;
    }
}
