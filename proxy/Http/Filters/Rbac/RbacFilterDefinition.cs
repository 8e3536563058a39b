using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Security.Rbac;

namespace Managed.Proxy.Http.Filters.Rbac;

internal sealed class RbacFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.rbac";
    public override string TypeName => "envoy.extensions.filters.http.rbac.v3.RBAC";
    public override string RouteTypeName => "envoy.extensions.filters.http.rbac.v3.RBACPerRoute";
    public override Type ConfigType => typeof(RbacFilterConfig);
    public override Type RouteConfigType => typeof(RbacPerRouteConfig);
    public override string Summary
        => "Lets requests in or answers 403, by policies of what is asked for and who asks; shadow rules only note.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        var config = typedConfig is null ? new() : ConfigBinder.Bind<RbacFilterConfig>(typedConfig, context.Errors);
        if (config is null || Judge(config, context, out var names) is not { } judge) return null;
        var stats = new RbacStats(context.Stats, names);
        return new FilterFactory(FilterHooks.RequestHeaders, _ => new RbacFilter(judge, stats));
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
        => ConfigBinder.Bind<RbacPerRouteConfig>(typedConfig, context.Errors) is { } config
            ? Judge(config.Rbac ?? new(), context, out _) : null;

    private RbacJudge? Judge(RbacFilterConfig config, FilterBuildContext context, out RbacStatNames names)
    {
        names = new RbacStatNames(context.StatPrefix, config.RulesStatPrefix, config.ShadowRulesStatPrefix);
        return RbacJudge.Build(new(config.Rules, config.Matcher), new(config.ShadowRules, config.ShadowMatcher), Name, context.Errors,
            config.TrackPerRuleStats ? context.Stats : null, names, http: true);
    }
}
