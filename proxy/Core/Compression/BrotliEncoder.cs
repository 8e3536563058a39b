using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Core.Compression;

/// <summary>Brotli (RFC 7932). The library cannot reset a context, so each message has one of its own.</summary>
internal sealed unsafe class BrotliEncoder(BrotliParameters parameters) : Encoder
{
    private nint _state;

    ~BrotliEncoder() => Free();

    public override long MemoryBytes => _state == 0 ? 0
        : (2L << parameters.WindowBits) + (parameters.Quality < 10 ? 1L << 20 : (8L << parameters.WindowBits) + (8L << 20));

    public override void Reset() => Free();

    public override void Write(ReadOnlySpan<byte> piece, ByteWriter to, bool end)
    {
        if (_state == 0) Begin();
        int operation = end ? NativeCompression.BrotliFinish : NativeCompression.BrotliFlush;
        fixed (byte* from = piece)
        {
            byte* next = from;
            nuint left = (nuint)piece.Length;
            do
            {
                var room = to.GetSpan(Step);
                nuint free = (nuint)room.Length;
                fixed (byte* into = room)
                {
                    byte* out_ = into;
                    if (NativeCompression.BrotliEncoderCompressStream(_state, operation, &left, &next, &free, &out_, null) == 0)
                        throw new InvalidOperationException("brotli does not compress");
                    to.Advance(room.Length - (int)free);
                }
            }
            while (left > 0 || NativeCompression.BrotliEncoderHasMoreOutput(_state) != 0);
        }
        if (end) Free();
    }

    public override void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Begin()
    {
        _state = NativeCompression.BrotliEncoderCreateInstance(0, 0, 0);
        if (_state == 0) throw new OutOfMemoryException("brotli has no memory");
        Set(NativeCompression.BrotliMode, parameters.Mode);
        Set(NativeCompression.BrotliQuality, parameters.Quality);
        Set(NativeCompression.BrotliWindow, parameters.WindowBits);
        Set(NativeCompression.BrotliBlock, parameters.BlockBits);
        Set(NativeCompression.BrotliNoLiterals, parameters.NoLiterals ? 1 : 0);
    }

    private void Set(int parameter, int value) => NativeCompression.BrotliEncoderSetParameter(_state, parameter, (uint)value);

    private void Free()
    {
        if (_state == 0) return;
        NativeCompression.BrotliEncoderDestroyInstance(_state);
        _state = 0;
    }
}

/// <summary>As brotli's encoder has them.</summary>
/// <param name="Mode">0 generic, 1 text, 2 font.</param>
/// <param name="Quality">0 to 11.</param>
/// <param name="WindowBits">10 to 24.</param>
/// <param name="BlockBits">16 to 24; 0: brotli's choice.</param>
/// <param name="NoLiterals">No modelling of literals by their context.</param>
internal sealed record BrotliParameters(int Mode, int Quality, int WindowBits, int BlockBits, bool NoLiterals);
