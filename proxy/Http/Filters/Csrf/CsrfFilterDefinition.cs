using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Http.Filters.Csrf;

internal sealed class CsrfFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.csrf";
    public override string TypeName => "envoy.extensions.filters.http.csrf.v3.CsrfPolicy";
    public override string RouteTypeName => TypeName;
    public override Type ConfigType => typeof(CsrfPolicyConfig);
    public override Type RouteConfigType => typeof(CsrfPolicyConfig);
    public override string Summary => "Refuses requests that change something and come from pages of other origins.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "csrf needs a typed_config", "give filter_enabled");
            return null;
        }
        if (Policy(typedConfig, context) is not { } policy) return null;
        var stats = new CsrfStats(context);
        return new FilterFactory(FilterHooks.RequestHeaders, _ => new CsrfFilter(policy, stats));
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context) => Policy(typedConfig, context);

    private static CsrfPolicy? Policy(ConfigNode typedConfig, FilterBuildContext context)
    {
        if (ConfigBinder.Bind<CsrfPolicyConfig>(typedConfig, context.Errors) is not { } config) return null;
        var additional = config.AdditionalOrigins.Select(m => StringMatch.Of(m, context.Errors)).OfType<StringMatch>().ToArray();
        return additional.Length < config.AdditionalOrigins.Count ? null
            : new CsrfPolicy(config.FilterEnabled?.DefaultValue?.PartsPerMillion ?? 0,
                config.ShadowEnabled?.DefaultValue?.PartsPerMillion ?? 0, additional);
    }
}
