using System.Runtime.InteropServices;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Core.Compression;

/// <summary>gzip (RFC 1952), one member after the other.</summary>
internal sealed unsafe class GzipDecoder : Decoder
{
    private readonly int _windowBits;
    private NativeCompression.ZStream* _stream;
    private bool _within;

    /// <param name="windowBits">9 to 15; a message with a larger window is refused.</param>
    public GzipDecoder(int windowBits)
    {
        _windowBits = windowBits + 16; // zlib: gzip alone
        _stream = (NativeCompression.ZStream*)NativeMemory.AllocZeroed((nuint)sizeof(NativeCompression.ZStream));
        int result = NativeCompression.InflateInit(_stream, _windowBits);
        if (result == NativeCompression.Ok) return;
        NativeMemory.Free(_stream);
        _stream = null;
        throw new InvalidOperationException($"inflateInit2: {result}");
    }

    ~GzipDecoder() => Free();

    public override bool IsWhole => !_within;
    public override long MemoryBytes => 64 * 1024; // a window and its tables

    public override void Reset()
    {
        _stream->AvailableIn = 0;
        NativeCompression.InflateReset(_stream, _windowBits);
        _within = false;
    }

    public override bool TryWrite(ReadOnlySpan<byte> piece, ByteWriter to, long most)
    {
        long end = to.Length + most;
        fixed (byte* from = piece)
        {
            _stream->NextIn = from;
            _stream->AvailableIn = (uint)piece.Length;
            uint left = uint.MaxValue;
            while ((_stream->AvailableIn > 0 || left == 0) && to.Length <= end)
            {
                if (!_within)
                {
                    if (_stream->AvailableIn == 0) return true;
                    NativeCompression.InflateReset(_stream, _windowBits);
                    _within = true;
                }
                var room = to.GetSpan(Step);
                int result;
                fixed (byte* into = room)
                {
                    _stream->NextOut = into;
                    _stream->AvailableOut = Step;
                    result = NativeCompression.Inflate(_stream, NativeCompression.NoFlush);
                    left = _stream->AvailableOut;
                    to.Advance(Step - (int)left);
                }
                if (result == NativeCompression.StreamEnd) (_within, left) = (false, uint.MaxValue);
                else if (result == NativeCompression.BufferError) return true; // it wants more
                else if (result != NativeCompression.Ok) return false;
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
        if (_stream is null) return;
        NativeCompression.InflateEnd(_stream);
        NativeMemory.Free(_stream);
        _stream = null;
    }
}
