using Managed.Proxy.Core.Buffers;
using ZstdSharp.Unsafe;

namespace Managed.Proxy.Core.Compression;

/// <summary>Zstandard (RFC 8878), one frame after the other.</summary>
internal sealed unsafe class ZstdDecoder : Decoder
{
    /// <summary>8 MiB, what a content coding may use (RFC 9659); a frame that asks for more memory is refused.</summary>
    public const int MaxWindowLog = 23;

    private ZSTD_DCtx_s* _context;
    private bool _within;

    public ZstdDecoder()
    {
        _context = Methods.ZSTD_createDCtx();
        if (_context is null) throw new OutOfMemoryException("zstd has no memory");
        Methods.ZSTD_DCtx_setParameter(_context, ZSTD_dParameter.ZSTD_d_windowLogMax, MaxWindowLog);
    }

    ~ZstdDecoder() => Free();

    public override bool IsWhole => !_within;
    public override long MemoryBytes => (long)Methods.ZSTD_sizeof_DCtx(_context);

    public override void Reset()
    {
        Methods.ZSTD_DCtx_reset(_context, ZSTD_ResetDirective.ZSTD_reset_session_only);
        _within = false;
    }

    public override bool TryWrite(ReadOnlySpan<byte> piece, ByteWriter to, long most)
    {
        long end = to.Length + most;
        fixed (byte* from = piece)
        {
            var input = new ZSTD_inBuffer_s { src = from, size = (nuint)piece.Length };
            bool full = false;
            while ((input.pos < input.size || full) && to.Length <= end)
            {
                var room = to.GetSpan(Step);
                nuint left;
                fixed (byte* into = room)
                {
                    var output = new ZSTD_outBuffer_s { dst = into, size = Step };
                    left = Methods.ZSTD_decompressStream(_context, &output, &input);
                    if (Methods.ZSTD_isError(left)) return false;
                    to.Advance((int)output.pos);
                    full = output.pos == output.size && left > 0;
                }
                _within = left > 0;
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
        if (_context is null) return;
        Methods.ZSTD_freeDCtx(_context);
        _context = null;
    }
}
