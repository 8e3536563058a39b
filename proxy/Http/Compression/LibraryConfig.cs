using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Compression;

[Description("Which compression, and how. The name stands in the statistics and chooses gzip, brotli or zstd where typed_config does not.")]
public sealed record CompressionLibraryConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("A name of your choice, such as text_optimized; gzip, brotli or zstd without a typed_config.")]
    public string Name { get; init; } = "";

    [Description("The library's own message, with an @type: envoy.extensions.compression.gzip.compressor.v3.Gzip, "
        + "…brotli.compressor.v3.Brotli, …zstd.compressor.v3.Zstd; for decompression ….decompressor.v3.…. Its fields are those of the "
        + "tables Gzip, Brotli and Zstd in docs/compression.md.")]
    public ConfigObject? TypedConfig { get; init; }
}

[Description("Compression by gzip.")]
public sealed record GzipCompressorConfig : ConfigRecord
{
    [Range(1, 9), Description("Memory for the compressor's state.")]
    public int MemoryLevel { get; init; } = 5; // Envoy's default

    [Description("Speed against size.")]
    public GzipLevel CompressionLevel { get; init; } = GzipLevel.DefaultCompression; // Envoy's default

    [Description("zlib's strategy.")]
    public GzipStrategy CompressionStrategy { get; init; } = GzipStrategy.DefaultStrategy; // Envoy's default

    [Range(9, 15), Description("The window, as a power of two.")]
    public int WindowBits { get; init; } = 12; // Envoy's default

    [Range(4096, 65536), Description("Envoy's buffer for the output; here it grows by itself.")]
    public int ChunkSize { get; init; } = 4096; // Envoy's default
}

public enum GzipLevel
{
    DefaultCompression,
    BestSpeed,
    [JsonStringEnumMemberName("COMPRESSION_LEVEL_1")] Level1,
    [JsonStringEnumMemberName("COMPRESSION_LEVEL_2")] Level2,
    [JsonStringEnumMemberName("COMPRESSION_LEVEL_3")] Level3,
    [JsonStringEnumMemberName("COMPRESSION_LEVEL_4")] Level4,
    [JsonStringEnumMemberName("COMPRESSION_LEVEL_5")] Level5,
    [JsonStringEnumMemberName("COMPRESSION_LEVEL_6")] Level6,
    [JsonStringEnumMemberName("COMPRESSION_LEVEL_7")] Level7,
    [JsonStringEnumMemberName("COMPRESSION_LEVEL_8")] Level8,
    [JsonStringEnumMemberName("COMPRESSION_LEVEL_9")] Level9,
    BestCompression,
}

public enum GzipStrategy { DefaultStrategy, Filtered, HuffmanOnly, Rle, Fixed }

[Description("Compression by brotli.")]
public sealed record BrotliCompressorConfig : ConfigRecord
{
    [Range(0, 11), Description("Speed against size.")]
    public int Quality { get; init; } = 3; // Envoy's default

    [Description("What is compressed.")]
    public BrotliEncoderMode EncoderMode { get; init; } = BrotliEncoderMode.Default; // Envoy's default

    [Range(10, 24), Description("The window, as a power of two.")]
    public int WindowBits { get; init; } = 18; // Envoy's default

    [Range(16, 24), Description("Input per block, as a power of two.")]
    public int InputBlockBits { get; init; } = 24; // Envoy's default

    [Range(4096, 65536), Description("Envoy's buffer for the output; here it grows by itself.")]
    public int ChunkSize { get; init; } = 4096; // Envoy's default

    [Description("Does not model literals by their context: faster, larger.")]
    public bool DisableLiteralContextModeling { get; init; }
}

public enum BrotliEncoderMode { Default, Generic, Text, Font }

[Description("Compression by zstd.")]
[UnsupportedField("dictionary", "dictionaries are not available in this version")]
public sealed record ZstdCompressorConfig : ConfigRecord
{
    [Range(1, 22), Description("Speed against size.")]
    public int CompressionLevel { get; init; } = 3; // Envoy's default

    [Description("A check sum behind each message.")]
    public bool EnableChecksum { get; init; }

    [Description("zstd's strategy; DEFAULT: by the level.")]
    public ZstdStrategy Strategy { get; init; } = ZstdStrategy.Default; // Envoy's default

    [Range(4096, 65536), Description("Envoy's buffer for the output; here it grows by itself.")]
    public int ChunkSize { get; init; } = 4096; // Envoy's default
}

public enum ZstdStrategy
{
    Default, Fast, Dfast, Greedy, Lazy,
    [JsonStringEnumMemberName("LAZY2")] Lazy2,
    [JsonStringEnumMemberName("BTLAZY2")] Btlazy2,
    Btopt, Btultra,
    [JsonStringEnumMemberName("BTULTRA2")] Btultra2,
}

[Description("Decompression of gzip.")]
public sealed record GzipDecompressorConfig : ConfigRecord
{
    [Range(9, 15), Description("The largest window, as a power of two.")]
    public int WindowBits { get; init; } = 15; // what every client may send; Envoy: 12

    [Range(4096, 65536), Description("Envoy's buffer for the output; here it grows by itself.")]
    public int ChunkSize { get; init; } = 4096; // Envoy's default

    [Range(1, 1032), Description("How many times larger than what came a message may become, above its first 64 KiB.")]
    public int MaxInflateRatio { get; init; } = 100; // Envoy's default
}

[Description("Decompression of brotli, up to 100 times what came.")]
[UnsupportedField("disable_ring_buffer_reallocation", "the window always grows as it is needed")]
public sealed record BrotliDecompressorConfig : ConfigRecord
{
    [Range(4096, 65536), Description("Envoy's buffer for the output; here it grows by itself.")]
    public int ChunkSize { get; init; } = 4096; // Envoy's default
}

[Description("Decompression of zstd, up to 100 times what came, with windows of at most 8 MiB (RFC 9659).")]
[UnsupportedField("dictionaries", "dictionaries are not available in this version")]
public sealed record ZstdDecompressorConfig : ConfigRecord
{
    [Range(4096, 65536), Description("Envoy's buffer for the output; here it grows by itself.")]
    public int ChunkSize { get; init; } = 4096; // Envoy's default
}
