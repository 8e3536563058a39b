using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.HealthCheck;

internal sealed class HealthCheckFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.health_check";
    public override string TypeName => "envoy.extensions.filters.http.health_check.v3.HealthCheck";
    public override Type ConfigType => typeof(HealthCheckConfig);
    public override string Summary => "Answers health checks in the service's place, by the health of clusters, or remembers its answers.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "health_check needs a typed_config", "give pass_through_mode");
            return null;
        }
        return ConfigBinder.Bind<HealthCheckConfig>(typedConfig, context.Errors) is { } config
            && HealthCheckSettings.Build(config, context) is { } settings
            ? new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.ResponseHeaders, _ => new HealthCheckFilter(settings)) : null;
    }
}
