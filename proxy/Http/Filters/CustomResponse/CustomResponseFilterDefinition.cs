using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Router.Trees;

namespace Managed.Proxy.Http.Filters.CustomResponse;

internal sealed class CustomResponseFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.custom_response";
    public override string TypeName => "envoy.extensions.filters.http.custom_response.v3.CustomResponse";
    public override string RouteTypeName => TypeName;
    public override Type ConfigType => typeof(CustomResponseConfig);
    public override Type RouteConfigType => typeof(CustomResponseConfig);
    public override string Summary => "Puts responses of the proxy's own in place of responses that match.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        MatchTree<LocalResponse>? own = null;
        if (typedConfig is not null && (own = BuildRoute(typedConfig, context) as MatchTree<LocalResponse>) is null) return null;
        return new FilterFactory(FilterHooks.ResponseHeaders, _ => new CustomResponseFilter(own));
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
    {
        if (ConfigBinder.Bind<CustomResponseConfig>(typedConfig, context.Errors) is not { HasErrors: false } config) return null;
        return config.CustomResponseMatcher is not { } matcher ? new MatchTree<LocalResponse>()
            : new MatchTreeBuilder<LocalResponse>(context.Errors, MatchPhases.Connection | MatchPhases.Request | MatchPhases.Response,
                (type, typed) => LocalResponse.Of(type, typed, context.Errors)).Build(matcher);
    }
}
