using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.StatefulSession;

internal sealed class StatefulSessionFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.stateful_session";
    public override string TypeName => "envoy.extensions.filters.http.stateful_session.v3.StatefulSession";
    public override string RouteTypeName => "envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute";
    public override Type ConfigType => typeof(StatefulSessionConfig);
    public override Type RouteConfigType => typeof(StatefulSessionPerRouteConfig);
    public override string Summary
        => "Sends the requests of a session to the endpoint that its first one went to, by a cookie or a header.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        var policy = SessionPolicy.None;
        if (typedConfig is not null)
        {
            if (ConfigBinder.Bind<StatefulSessionConfig>(typedConfig, context.Errors) is not { } config
                || SessionPolicy.Build(config, context.Errors) is not { } built) return null;
            policy = built;
        }
        return new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.ResponseHeaders, _ => new StatefulSessionFilter(policy));
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
        => ConfigBinder.Bind<StatefulSessionPerRouteConfig>(typedConfig, context.Errors) is not { } config ? null
            : config.StatefulSession is { } session ? SessionPolicy.Build(session, context.Errors) : SessionPolicy.None;
}
