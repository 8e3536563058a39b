using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Router.Trees;

namespace Managed.Proxy.Http.Filters.CustomResponse;

internal sealed class CustomResponseFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.custom_response";
    public override string TypeName => "envoy.extensions.filters.http.custom_response.v3.CustomResponse";
    public override string RouteTypeName => TypeName;
    public override Type ConfigType => typeof(CustomResponseConfig);
    public override Type RouteConfigType => typeof(CustomResponseConfig);
    public override string Summary => "Puts responses of the proxy's own, or of another place, in place of responses that match.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        MatchTree<ResponsePolicy>? own = null;
        if (typedConfig is not null && (own = BuildRoute(typedConfig, context) as MatchTree<ResponsePolicy>) is null) return null;
        var stats = new CustomResponseStats(context);
        return new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.ResponseHeaders, _ => new CustomResponseFilter(own, stats));
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
    {
        if (ConfigBinder.Bind<CustomResponseConfig>(typedConfig, context.Errors) is not { HasErrors: false } config) return null;
        return config.CustomResponseMatcher is not { } matcher ? new MatchTree<ResponsePolicy>()
            : new MatchTreeBuilder<ResponsePolicy>(context.Errors, MatchPhases.Connection | MatchPhases.Request | MatchPhases.Response,
                (type, typed) => ResponsePolicy.Of(type, typed, context.Errors)).Build(matcher);
    }
}

/// <summary>Counters with Envoy's names.</summary>
internal sealed class CustomResponseStats(FilterBuildContext context)
{
    /// <summary>Where another place's response was to be asked for: there is no route to it; it is no URL.</summary>
    public Counter NoRoute { get; } = context.Stats.Counter(context.StatPrefix + "custom_response_redirect_no_route");
    public Counter NoUri { get; } = context.Stats.Counter(context.StatPrefix + "custom_response_invalid_uri");
}
