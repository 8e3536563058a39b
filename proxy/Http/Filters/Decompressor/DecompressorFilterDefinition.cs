using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Compression;
using Decoder = Managed.Proxy.Core.Compression.Decoder;

namespace Managed.Proxy.Http.Filters.Decompressor;

internal sealed class DecompressorFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.decompressor";
    public override string TypeName => "envoy.extensions.filters.http.decompressor.v3.Decompressor";
    public override Type ConfigType => typeof(DecompressorConfig);
    public override string Summary
        => "Decompresses bodies of gzip, brotli or zstd, within bounds; and tells services that they may compress.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "decompressor needs a typed_config",
                "give decompressor_library");
            return null;
        }
        if (ConfigBinder.Bind<DecompressorConfig>(typedConfig, context.Errors) is not { } config
            || CompressionLibraries.Decompressor(config.DecompressorLibrary!, context.Errors) is not { } library) return null;
        string prefix = $"{context.StatPrefix}decompressor.{library.Name}.{library.StatName}.";
        var request = new DecompressorDirection(config.RequestDirectionConfig?.CommonConfig, context.Stats, prefix + "request.");
        var response = new DecompressorDirection(config.ResponseDirectionConfig?.CommonConfig, context.Stats, prefix + "response.");
        bool advertises = response.IsOn && (config.RequestDirectionConfig?.AdvertiseAcceptEncoding ?? true);
        var settings = new DecompressorSettings(library, request, response, advertises);
        return new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.RequestBody | FilterHooks.RequestTrailers
            | FilterHooks.ResponseHeaders | FilterHooks.ResponseBody | FilterHooks.ResponseTrailers, _ => new DecompressorFilter(settings));
    }
}

/// <summary>What the filter was built with.</summary>
internal sealed record DecompressorSettings(CompressionLibrary<Decoder> Library, DecompressorDirection Request,
    DecompressorDirection Response, bool Advertises);

/// <summary>What one direction does, and its counters (Envoy's names).</summary>
internal sealed class DecompressorDirection(DecompressorCommonConfig? config, StatScope stats, string prefix)
{
    public bool IsOn { get; } = config?.Enabled?.IsOn ?? true;
    public bool IgnoresNoTransform { get; } = config?.IgnoreNoTransformHeader ?? false;
    public Counter Decompressed { get; } = stats.Counter(prefix + "decompressed");
    public Counter NotDecompressed { get; } = stats.Counter(prefix + "not_decompressed");
    public Counter BytesOut { get; } = stats.Counter(prefix + "total_uncompressed_bytes");
    public Counter BytesIn { get; } = stats.Counter(prefix + "total_compressed_bytes");
}
