using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.Compression;
using Decoder = Managed.Proxy.Core.Compression.Decoder;
using Encoder = Managed.Proxy.Core.Compression.Encoder;

namespace Managed.Proxy.Http.Compression;

/// <summary>A compression as a document configures it: its content coding and contexts of it.</summary>
internal sealed class CompressionLibrary<T>(string name, string coding, Func<T> create, int maxRatio) where T : Codec
{
    /// <summary>As the user calls it.</summary>
    public string Name => name;
    /// <summary>Its name in the statistics: gzip, brotli, zstd.</summary>
    public string StatName => coding == "br" ? "brotli" : coding;
    /// <summary>Its content coding (RFC 9110 section 8.4.1): gzip, br, zstd.</summary>
    public byte[] Coding { get; } = Encoding.ASCII.GetBytes(coding);
    public CodecPool<T> Pool { get; } = new(create);
    /// <summary>Of decompression: how many times larger than what came a message may become.</summary>
    public int MaxRatio => maxRatio;
}

/// <summary>Makes libraries of what a document says.</summary>
internal static class CompressionLibraries
{
    private const string Prefix = "envoy.extensions.compression.";
    private const int MaxRatio = 100; // what Envoy lets a message grow to, times what came

    /// <summary>Null with errors added.</summary>
    public static CompressionLibrary<Encoder>? Compressor(CompressionLibraryConfig config, ConfigErrors errors)
    {
        switch (Kind(config, "compressor", errors, out var node))
        {
            case "gzip" when Bind<GzipCompressorConfig>(node, errors) is { } gzip:
                int level = gzip.CompressionLevel switch { GzipLevel.DefaultCompression => -1, GzipLevel.BestSpeed => 1,
                    GzipLevel.BestCompression => 9, var named => named - GzipLevel.Level1 + 1 };
                return new(config.Name, "gzip", () => new GzipEncoder(level, gzip.WindowBits, gzip.MemoryLevel,
                    (int)gzip.CompressionStrategy), 0);
            case "brotli" when Bind<BrotliCompressorConfig>(node, errors) is { } brotli:
                var parameters = new BrotliParameters(brotli.EncoderMode switch { BrotliEncoderMode.Text => 1, BrotliEncoderMode.Font => 2,
                    _ => 0 }, brotli.Quality, brotli.WindowBits, brotli.InputBlockBits, brotli.DisableLiteralContextModeling);
                return new(config.Name, "br", () => new BrotliEncoder(parameters), 0);
            case "zstd" when Bind<ZstdCompressorConfig>(node, errors) is { } zstd:
                return new(config.Name, "zstd", () => new ZstdEncoder(zstd.CompressionLevel, zstd.EnableChecksum, (int)zstd.Strategy), 0);
            default: return null;
        }
    }

    /// <summary>Likewise for the other way.</summary>
    public static CompressionLibrary<Decoder>? Decompressor(CompressionLibraryConfig config, ConfigErrors errors)
    {
        switch (Kind(config, "decompressor", errors, out var node))
        {
            case "gzip" when Bind<GzipDecompressorConfig>(node, errors) is { } gzip:
                return new(config.Name, "gzip", () => new GzipDecoder(gzip.WindowBits), gzip.MaxInflateRatio);
            case "brotli" when Bind<BrotliDecompressorConfig>(node, errors) is not null:
                return new(config.Name, "br", static () => new BrotliDecoder(), MaxRatio);
            case "zstd" when Bind<ZstdDecompressorConfig>(node, errors) is not null:
                return new(config.Name, "zstd", static () => new ZstdDecoder(), MaxRatio);
            default: return null;
        }
    }

    private static TConfig? Bind<TConfig>(ConfigObject? node, ConfigErrors errors) where TConfig : ConfigRecord, new()
        => node is null ? new TConfig() : ConfigBinder.Bind<TConfig>(node, errors);

    // gzip, brotli or zstd; null with an error added.
    private static string? Kind(CompressionLibraryConfig config, string direction, ConfigErrors errors, out ConfigObject? node)
    {
        node = config.TypedConfig;
        string? type = node?.Text("@type");
        string wanted = type is null ? config.Name[(config.Name.LastIndexOf('.') + 1)..] : type[(type.LastIndexOf('/') + 1)..];
        foreach (var (kind, message) in new[] { ("gzip", "Gzip"), ("brotli", "Brotli"), ("zstd", "Zstd") })
            if (wanted == kind || wanted == $"{Prefix}{kind}.{direction}.v3.{message}") return kind;
        errors.Error(node?["@type"] ?? config.Node, ConfigCode.UnknownExtension, $"'{wanted}' is not a {direction} library",
            $"gzip, brotli or zstd; in @type {Prefix}gzip.{direction}.v3.Gzip");
        return null;
    }
}
