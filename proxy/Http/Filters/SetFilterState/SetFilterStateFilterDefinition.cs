using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.SetFilterState;

internal sealed class SetFilterStateFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.set_filter_state";
    public override string TypeName => "envoy.extensions.filters.http.set_filter_state.v3.Config";
    public override string RouteTypeName => TypeName;
    public override Type ConfigType => typeof(SetFilterStateConfig);
    public override Type RouteConfigType => typeof(SetFilterStateConfig);
    public override string Summary => "Sets objects of the filter state, for scripts, modules, policies and access logs.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        var settings = typedConfig is null ? new([], false) : Settings(typedConfig, context);
        return settings is null ? null : new FilterFactory(FilterHooks.RequestHeaders, _ => new SetFilterStateFilter(settings));
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context) => Settings(typedConfig, context);

    private static StateSettings? Settings(ConfigNode node, FilterBuildContext context)
        => ConfigBinder.Bind<SetFilterStateConfig>(node, context.Errors) is { } config
            && StateValue.BuildAll(config.OnRequestHeaders, context.Errors) is { } values
            ? new StateSettings(values, config.ClearRouteCache) : null;
}
