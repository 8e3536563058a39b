using System.Runtime.InteropServices;

namespace Managed.Proxy.Core.Compression;

/// <summary>
/// The runtime's own zlib-ng and brotli (System.IO.Compression.Native, versioned symbols V1.0). Their classes in System.IO.Compression
/// hide levels, windows and strategies, and make a new native context for each message.
/// </summary>
internal static unsafe partial class NativeCompression
{
    private const string Library = "libSystem.IO.Compression.Native";

    public const int NoFlush = 0, SyncFlush = 2, FullFlush = 3, Finish = 4; // zlib's flush values
    public const int Ok = 0, StreamEnd = 1, BufferError = -5; // zlib's results; all below 0 but the last are errors of the data
    public const int Deflated = 8;
    public const int BrotliProcess = 0, BrotliFlush = 1, BrotliFinish = 2; // BrotliEncoderOperation
    public const int BrotliMode = 0, BrotliQuality = 1, BrotliWindow = 2, BrotliBlock = 3, BrotliNoLiterals = 4; // BrotliEncoderParameter
    public const int BrotliError = 0, BrotliSuccess = 1, BrotliNeedsInput = 2, BrotliNeedsOutput = 3; // BrotliDecoderResult

    /// <summary>The runtime's PAL_ZStream.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct ZStream
    {
        public byte* NextIn, NextOut, Message;
        public nint State;
        public uint AvailableIn, AvailableOut;
    }

    [LibraryImport(Library, EntryPoint = "CompressionNative_DeflateInit2_")]
    public static partial int DeflateInit(ZStream* stream, int level, int method, int windowBits, int memoryLevel, int strategy);
    [LibraryImport(Library, EntryPoint = "CompressionNative_Deflate")]
    public static partial int Deflate(ZStream* stream, int flush);
    [LibraryImport(Library, EntryPoint = "CompressionNative_DeflateEnd")]
    public static partial int DeflateEnd(ZStream* stream);
    [LibraryImport(Library, EntryPoint = "CompressionNative_InflateInit2_")]
    public static partial int InflateInit(ZStream* stream, int windowBits);
    [LibraryImport(Library, EntryPoint = "CompressionNative_Inflate")]
    public static partial int Inflate(ZStream* stream, int flush);
    [LibraryImport(Library, EntryPoint = "CompressionNative_InflateReset2_")]
    public static partial int InflateReset(ZStream* stream, int windowBits);
    [LibraryImport(Library, EntryPoint = "CompressionNative_InflateEnd")]
    public static partial int InflateEnd(ZStream* stream);
    [LibraryImport(Library, EntryPoint = "CompressionNative_Crc32")]
    public static partial uint Crc32(uint crc, byte* buffer, int length);

    [LibraryImport(Library)] public static partial nint BrotliEncoderCreateInstance(nint allocate, nint free, nint opaque);
    [LibraryImport(Library)] public static partial void BrotliEncoderDestroyInstance(nint state);
    [LibraryImport(Library)] public static partial int BrotliEncoderSetParameter(nint state, int parameter, uint value);
    [LibraryImport(Library)] public static partial int BrotliEncoderHasMoreOutput(nint state);
    [LibraryImport(Library)]
    public static partial int BrotliEncoderCompressStream(nint state, int operation, nuint* availableIn, byte** nextIn, nuint* availableOut,
        byte** nextOut, nuint* totalOut);
    [LibraryImport(Library)] public static partial nint BrotliDecoderCreateInstance(nint allocate, nint free, nint opaque);
    [LibraryImport(Library)] public static partial void BrotliDecoderDestroyInstance(nint state);
    [LibraryImport(Library)]
    public static partial int BrotliDecoderDecompressStream(nint state, nuint* availableIn, byte** nextIn, nuint* availableOut,
        byte** nextOut, nuint* totalOut);
}
