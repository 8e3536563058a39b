using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Security.Rbac;

namespace Managed.Proxy.Downstream.NetworkFilters.Rbac;

internal sealed class RbacNetworkFilterDefinition : NetworkFilterDefinition
{
    public override string Name => "envoy.filters.network.rbac";
    public override string TypeName => "envoy.extensions.filters.network.rbac.v3.RBAC";
    public override Type ConfigType => typeof(RbacNetworkConfig);
    public override string Summary => "Lets connections in or closes them, by policies of where they go and who opens them.";
    public override bool IsTerminal => false;

    internal override NetworkFilterFactory? BuildFilter(ConfigNode? typedConfig, NetworkBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "rbac needs a typed_config", "give stat_prefix and rules");
            return null;
        }
        if (ConfigBinder.Bind<RbacNetworkConfig>(typedConfig, context.Errors) is not { } config) return null;
        var names = new RbacStatNames(config.StatPrefix, "", config.ShadowRulesStatPrefix);
        if (RbacJudge.Build(new(config.Rules, config.Matcher), new(config.ShadowRules, config.ShadowMatcher), Name, context.Errors, null,
            names, http: false) is not { } judge) return null;
        return new Factory(judge, new RbacStats(context.Stats, names), config);
    }

    private sealed class Factory(RbacJudge judge, RbacStats stats, RbacNetworkConfig config) : NetworkFilterFactory
    {
        public override NetworkFilter Create(DownstreamConnection connection)
            => new RbacNetworkFilter(judge, stats, config, connection.Worker);
    }
}
