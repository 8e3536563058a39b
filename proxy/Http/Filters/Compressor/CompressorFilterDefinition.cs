using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Compressor;

internal sealed class CompressorFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.compressor";
    public override string TypeName => "envoy.extensions.filters.http.compressor.v3.Compressor";
    public override string RouteTypeName => "envoy.extensions.filters.http.compressor.v3.CompressorPerRoute";
    public override Type ConfigType => typeof(CompressorConfig);
    public override Type RouteConfigType => typeof(CompressorPerRouteConfig);
    public override string Summary => "Compresses bodies with gzip, brotli or zstd, as the client's accept-encoding asks for.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "compressor needs a typed_config", "give compressor_library");
            return null;
        }
        if (ConfigBinder.Bind<CompressorConfig>(typedConfig, context.Errors) is not { } config
            || CompressorSettings.Build(config, context) is not { } settings) return null;
        var hooks = FilterHooks.RequestHeaders | FilterHooks.ResponseHeaders | FilterHooks.ResponseBody | FilterHooks.ResponseTrailers;
        if (settings.Request is not null) hooks |= FilterHooks.RequestBody | FilterHooks.RequestTrailers;
        return new FilterFactory(hooks, _ => new CompressorFilter(settings));
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
        => ConfigBinder.Bind<CompressorPerRouteConfig>(typedConfig, context.Errors) is { } config
            ? new CompressorRoute(config.Disabled, config.Overrides?.ResponseDirectionConfig?.RemoveAcceptEncodingHeader) : null;
}
