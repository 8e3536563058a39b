using System.Buffers.Binary;
using System.IO.Compression;

namespace Managed.Proxy.Core.Compression;

/// <summary>
/// One gzip stream out of pieces that are compressed each by itself, so that those that stay the same need not be compressed again. Each
/// is raw deflate that ends at a byte (zlib's Z_SYNC_FLUSH) and looks back at nothing before it; RFC 1951 section 3.2.3 lets blocks of
/// different making follow each other.
/// </summary>
public static unsafe class GzipPieces
{
    // RFC 1952 section 2.3: no name, no time, of Unix.
    private static ReadOnlySpan<byte> Header => [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3];
    // RFC 1951 section 3.2.4: the last block, stored and empty.
    private static ReadOnlySpan<byte> Last => [1, 0, 0, 0xFF, 0xFF];

    public static byte[] Deflate(ReadOnlySpan<byte> piece)
    {
        using var made = new MemoryStream(piece.Length / 2 + 64);
        using var deflate = new DeflateStream(made, CompressionLevel.Fastest, leaveOpen: true);
        deflate.Write(piece);
        deflate.Flush();
        return made.ToArray(); // what comes at its end is left out: it would end the stream
    }

    /// <param name="pieces">What <see cref="Deflate"/> gave, in their order.</param>
    /// <param name="plain">All that they come to.</param>
    public static byte[] Join(IEnumerable<byte[]> pieces, ReadOnlySpan<byte> plain)
    {
        using var joined = new MemoryStream(plain.Length / 2 + 64);
        joined.Write(Header);
        foreach (byte[] piece in pieces) joined.Write(piece);
        joined.Write(Last);
        Span<byte> end = stackalloc byte[8];
        fixed (byte* from = plain) BinaryPrimitives.WriteUInt32LittleEndian(end, NativeCompression.Crc32(0, from, plain.Length));
        BinaryPrimitives.WriteUInt32LittleEndian(end[4..], (uint)plain.Length);
        joined.Write(end);
        return joined.ToArray();
    }
}
