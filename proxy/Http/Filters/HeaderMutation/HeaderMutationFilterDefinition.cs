using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.HeaderMutation;

internal sealed class HeaderMutationFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.header_mutation";
    public override string TypeName => "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation";
    public override string RouteTypeName => "envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute";
    public override Type ConfigType => typeof(HeaderMutationConfig);
    public override Type RouteConfigType => typeof(HeaderMutationPerRouteConfig);
    public override string Summary
        => "Adds, replaces and removes headers, trailers and query parameters, for the chain and for each level of the routes.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        var config = typedConfig is null ? new HeaderMutationConfig()
            : ConfigBinder.Bind<HeaderMutationConfig>(typedConfig, context.Errors);
        if (config is null || Mutations.Compile(config.Mutations, context.Errors) is not { } mutations) return null;
        // The identity ends in the filter's name in its chain; names hold no slash.
        string name = context.Identity[(context.Identity.LastIndexOf('/') + 1)..];
        var settings = new HeaderMutationSettings(name, mutations, config.MostSpecificHeaderMutationsWins);
        const FilterHooks hooks = FilterHooks.RequestHeaders | FilterHooks.ResponseHeaders | FilterHooks.RequestTrailers
            | FilterHooks.ResponseTrailers;
        return new FilterFactory(hooks, _ => new HeaderMutationFilter(settings));
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
        => ConfigBinder.Bind<HeaderMutationPerRouteConfig>(typedConfig, context.Errors) is { } config
        ? Mutations.Compile(config.Mutations, context.Errors) : null;
}
