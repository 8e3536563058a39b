using Managed.Proxy.Core.Buffers;
using ZstdSharp.Unsafe;

namespace Managed.Proxy.Core.Compression;

/// <summary>Zstandard (RFC 8878).</summary>
internal sealed unsafe class ZstdEncoder : Encoder
{
    private ZSTD_CCtx_s* _context;

    /// <param name="level">1 to 22.</param>
    /// <param name="checksum">Each frame has one of its content.</param>
    /// <param name="strategy">1 to 9, as zstd's; 0: by the level.</param>
    public ZstdEncoder(int level, bool checksum, int strategy)
    {
        _context = Methods.ZSTD_createCCtx();
        if (_context is null) throw new OutOfMemoryException("zstd has no memory");
        Methods.ZSTD_CCtx_setParameter(_context, ZSTD_cParameter.ZSTD_c_compressionLevel, level);
        Methods.ZSTD_CCtx_setParameter(_context, ZSTD_cParameter.ZSTD_c_checksumFlag, checksum ? 1 : 0);
        if (strategy > 0) Methods.ZSTD_CCtx_setParameter(_context, ZSTD_cParameter.ZSTD_c_strategy, strategy);
        // Clients need not take more (RFC 9659).
        if (level > 15) Methods.ZSTD_CCtx_setParameter(_context, ZSTD_cParameter.ZSTD_c_windowLog, ZstdDecoder.MaxWindowLog);
    }

    ~ZstdEncoder() => Free();

    public override long MemoryBytes => (long)Methods.ZSTD_sizeof_CCtx(_context);

    public override void Reset() => Methods.ZSTD_CCtx_reset(_context, ZSTD_ResetDirective.ZSTD_reset_session_only);

    public override void Write(ReadOnlySpan<byte> piece, ByteWriter to, bool end)
    {
        var directive = end ? ZSTD_EndDirective.ZSTD_e_end : ZSTD_EndDirective.ZSTD_e_flush;
        fixed (byte* from = piece)
        {
            var input = new ZSTD_inBuffer_s { src = from, size = (nuint)piece.Length };
            nuint left;
            do
            {
                var room = to.GetSpan(Step);
                fixed (byte* into = room)
                {
                    var output = new ZSTD_outBuffer_s { dst = into, size = (nuint)room.Length };
                    left = Methods.ZSTD_compressStream2(_context, &output, &input, directive);
                    if (Methods.ZSTD_isError(left)) throw new InvalidOperationException("zstd does not compress");
                    to.Advance((int)output.pos);
                }
            }
            while (left > 0);
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
        Methods.ZSTD_freeCCtx(_context);
        _context = null;
    }
}
