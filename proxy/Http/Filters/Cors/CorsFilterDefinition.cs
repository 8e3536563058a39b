using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Router;

namespace Managed.Proxy.Http.Filters.Cors;

internal sealed class CorsFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.cors";
    public override string TypeName => "envoy.extensions.filters.http.cors.v3.Cors";
    public override string RouteTypeName => "envoy.extensions.filters.http.cors.v3.CorsPolicy";
    public override Type ConfigType => typeof(CorsConfig);
    public override Type RouteConfigType => typeof(CorsPolicyConfig);
    public override string Summary => "Answers CORS preflights and tells browsers which pages may read answers, as routes say.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is not null && ConfigBinder.Bind<CorsConfig>(typedConfig, context.Errors) is null) return null;
        var valid = context.Stats.Counter(context.StatPrefix + "cors.origin_valid");
        var invalid = context.Stats.Counter(context.StatPrefix + "cors.origin_invalid");
        return new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.ResponseHeaders, _ => new CorsFilter(valid, invalid));
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
        => ConfigBinder.Bind<CorsPolicyConfig>(typedConfig, context.Errors) is { } config ? CorsPolicy.Build(config, context.Errors) : null;
}
