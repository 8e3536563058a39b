using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Core.Compression;

/// <summary>
/// gzip (RFC 1952). The runtime's zlib has no reset, so its stream of raw deflate never ends: a full flush forgets all that was before,
/// and header, last block and check sum are written here.
/// </summary>
internal sealed unsafe class GzipEncoder : Encoder
{
    private NativeCompression.ZStream* _stream;
    private uint _crc, _length;
    private readonly long _memory;
    private bool _begun, _dirty;

    /// <param name="level">-1 to 9, as zlib's.</param>
    /// <param name="windowBits">9 to 15.</param>
    /// <param name="memoryLevel">1 to 9.</param>
    /// <param name="strategy">0 to 4, as zlib's.</param>
    public GzipEncoder(int level, int windowBits, int memoryLevel, int strategy)
    {
        _memory = (1L << (windowBits + 2)) + (1L << (memoryLevel + 9)) + 65536; // zconf.h
        _stream = (NativeCompression.ZStream*)NativeMemory.AllocZeroed((nuint)sizeof(NativeCompression.ZStream));
        int result = NativeCompression.DeflateInit(_stream, level, NativeCompression.Deflated, -windowBits, memoryLevel, strategy);
        if (result == NativeCompression.Ok) return;
        NativeMemory.Free(_stream);
        _stream = null;
        throw new InvalidOperationException($"deflateInit2: {result}");
    }

    ~GzipEncoder() => Free();

    public override long MemoryBytes => _memory;

    public override void Reset()
    {
        if (_dirty)
        {
            // What is left of a message that did not end goes nowhere.
            Span<byte> nowhere = stackalloc byte[1024];
            fixed (byte* into = nowhere)
            {
                _stream->AvailableIn = 0;
                do
                {
                    _stream->NextOut = into;
                    _stream->AvailableOut = (uint)nowhere.Length;
                    NativeCompression.Deflate(_stream, NativeCompression.FullFlush);
                }
                while (_stream->AvailableOut == 0);
            }
        }
        (_crc, _length, _begun, _dirty) = (0, 0, false, false);
    }

    public override void Write(ReadOnlySpan<byte> piece, ByteWriter to, bool end)
    {
        if (!_begun)
        {
            _begun = true;
            to.Write([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]); // no name, no time, Unix
        }
        if (piece.Length > 0 || end) Deflate(piece, to, end ? NativeCompression.FullFlush : NativeCompression.SyncFlush);
        if (!end) return;
        to.Write([3, 0]); // a last block of nothing
        Span<byte> tail = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(tail, _crc);
        BinaryPrimitives.WriteUInt32LittleEndian(tail[4..], _length);
        to.Write(tail);
    }

    private void Deflate(ReadOnlySpan<byte> piece, ByteWriter to, int flush)
    {
        _dirty = flush != NativeCompression.FullFlush;
        _length += (uint)piece.Length;
        fixed (byte* from = piece)
        {
            if (piece.Length > 0) _crc = NativeCompression.Crc32(_crc, from, piece.Length);
            _stream->NextIn = from;
            _stream->AvailableIn = (uint)piece.Length;
            do
            {
                var room = to.GetSpan(Math.Min(Step, 64 + (int)_stream->AvailableIn));
                fixed (byte* into = room)
                {
                    _stream->NextOut = into;
                    _stream->AvailableOut = (uint)room.Length;
                    NativeCompression.Deflate(_stream, flush);
                    to.Advance(room.Length - (int)_stream->AvailableOut);
                }
            }
            while (_stream->AvailableOut == 0);
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
        NativeCompression.DeflateEnd(_stream);
        NativeMemory.Free(_stream);
        _stream = null;
    }
}
