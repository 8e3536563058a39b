using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Router.Trees;

namespace Managed.Proxy.Http.Filters.Composite;

internal sealed class MatchDelegateFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.match_delegate";
    public override string TypeName => "envoy.extensions.common.matching.v3.ExtensionWithMatcher";
    public override string RouteTypeName => TypeName + "PerRoute";
    public override Type ConfigType => typeof(ExtensionWithMatcherConfig);
    public override Type RouteConfigType => typeof(ExtensionWithMatcherPerRouteConfig);
    public override string Summary => "Runs a filter but for what a matcher finds; around composite the filter that the matcher finds.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "match_delegate needs a typed_config",
                "give extension_config and xds_matcher");
            return null;
        }
        if (ConfigBinder.Bind<ExtensionWithMatcherConfig>(typedConfig, context.Errors) is not { HasErrors: false } config) return null;
        var inside = config.ExtensionConfig!;
        bool composite = context.Catalog.Find(inside.TypedConfig, inside.Name, inside.Node, context.Errors) is CompositeFilterDefinition;
        if (composite && inside.TypedConfig is { } empty
            && ConfigBinder.Bind<CompositeConfig>(empty, context.Errors) is not { HasErrors: false }) return null;
        var builder = new MatchedActionBuilder(context, composite);
        var factory = composite ? null : builder.Filter(inside, inside.Name);
        var tree = builder.Build((config.XdsMatcher ?? config.Matcher)!);
        if (tree is null || (factory is null && !composite)) return null;
        var stats = composite ? new CompositeStats(context) : null;
        return new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.ResponseHeaders,
            _ => new MatchDelegateFilter(tree, factory, stats));
    }

    // Which filter it is for is not known here: all actions are taken that one of them would take.
    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
        => ConfigBinder.Bind<ExtensionWithMatcherPerRouteConfig>(typedConfig, context.Errors) is { HasErrors: false } config
            ? new MatchedActionBuilder(context, composite: true).Build(config.XdsMatcher!) : null;
}
