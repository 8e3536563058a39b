using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Core.Compression;

/// <summary>Brotli (RFC 7932). The library cannot reset a context, so each message has one of its own.</summary>
internal sealed unsafe class BrotliDecoder : Decoder
{
    private nint _state;
    private long _written; // its window grows with it
    private bool _ended, _any;

    ~BrotliDecoder() => Free();

    public override bool IsWhole => _ended || !_any;
    public override long MemoryBytes => _state == 0 ? 0 : 64 * 1024 + Math.Min(2 * _written, 17L << 20);

    public override void Reset()
    {
        Free();
        _ended = _any = false;
        _written = 0;
    }

    public override bool TryWrite(ReadOnlySpan<byte> piece, ByteWriter to, long most)
    {
        if (piece.IsEmpty) return true;
        if (_ended) return false; // nothing may follow
        _any = true;
        if (_state == 0) _state = NativeCompression.BrotliDecoderCreateInstance(0, 0, 0);
        if (_state == 0) throw new OutOfMemoryException("brotli has no memory");
        long end = to.Length + most;
        fixed (byte* from = piece)
        {
            byte* next = from;
            nuint left = (nuint)piece.Length;
            while (to.Length <= end)
            {
                var room = to.GetSpan(Step);
                nuint free = Step;
                int result;
                fixed (byte* into = room)
                {
                    byte* out_ = into;
                    result = NativeCompression.BrotliDecoderDecompressStream(_state, &left, &next, &free, &out_, null);
                    to.Advance(Step - (int)free);
                    _written += Step - (int)free;
                }
                if (result == NativeCompression.BrotliError) return false;
                if (result == NativeCompression.BrotliSuccess)
                {
                    _ended = true;
                    Free();
                    return left == 0;
                }
                if (result == NativeCompression.BrotliNeedsInput) return true;
            }
            return true;
        }
    }

    public override void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_state == 0) return;
        NativeCompression.BrotliDecoderDestroyInstance(_state);
        _state = 0;
    }
}
