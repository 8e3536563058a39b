using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Streams.AccessLog;
using Managed.Proxy.Upstream.LoadBalancing;

namespace Managed.Proxy.Downstream.NetworkFilters.TcpProxy;

internal sealed class TcpProxyDefinition : NetworkFilterDefinition
{
    public override string Name => "envoy.filters.network.tcp_proxy";
    public override string TypeName => "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
    public override Type ConfigType => typeof(TcpProxyConfig);
    public override string Summary => "Forwards the bytes of a connection to a cluster.";

    internal override TerminalFilter? Build(ConfigNode? typedConfig, NetworkBuildContext context)
    {
        int before = context.Errors.Count;
        if (typedConfig is null || ConfigBinder.BindPartial<TcpProxyConfig>(typedConfig, context.Errors) is not { } config) return null;
        var all = config.MetadataMatch?.LoadBalancing;
        var targets = new List<TcpTarget>();
        if (config.WeightedClusters is { } weighted)
        {
            long sum = 0;
            foreach (var item in weighted.Clusters)
                if (context.FindCluster(item.Node, "name", item.Name) is { } cluster) 
                    targets.Add(new(cluster, SubsetCriteria.Of(all, item.MetadataMatch?.LoadBalancing), sum += item.Weight));
        }
        else if (config.Cluster is { } name && context.FindCluster(config.Node, "cluster", name) is { } only)
            targets.Add(new(only, SubsetCriteria.Of(all), 1));
        if (config.BackoffOptions is { MaxInterval: { } most } backOff && most < backOff.BaseInterval)
            context.Errors.ErrorAt(backOff.Node, "max_interval", ConfigCode.InvalidValue, "is less than base_interval");
        var tunneling = config.TunnelingConfig is { } through ? TcpTunneling.Build(through, context.Errors) : null;
        var accessLog = AccessLog.Build(config.AccessLog, context.Errors, context.AccessLogs);
        return context.Errors.Count > before || targets.Count == 0 ? null
            : new TcpProxyFilter(config, [.. targets], SubsetCriteria.Of(all), context.Clusters,
                new TcpStats(context.Stats, config.StatPrefix), accessLog, tunneling);
    }
}
