using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Composite;

internal sealed class CompositeFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.composite";
    public override string TypeName => "envoy.extensions.filters.http.composite.v3.Composite";
    public override Type ConfigType => typeof(CompositeConfig);
    public override string Summary => "Runs the filter that the matcher around it finds for a request or its response.";

    // Around it stands a match_delegate, which does all the work; alone nothing is chosen.
    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
        => typedConfig is not null && ConfigBinder.Bind<CompositeConfig>(typedConfig, context.Errors) is not { HasErrors: false } ? null
            : new FilterFactory(FilterHooks.None, _ => new IdleFilter());

    private sealed class IdleFilter : HttpFilter;
}
