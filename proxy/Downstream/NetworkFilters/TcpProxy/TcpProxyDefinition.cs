using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Streams.AccessLog;
using Managed.Proxy.Upstream;

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
        var clusters = new List<(Cluster, long)>();
        if (config.WeightedClusters is { } weighted)
        {
            long sum = 0;
            foreach (var item in weighted.Clusters)
                if (context.FindCluster(item.Node, "name", item.Name) is { } cluster) clusters.Add((cluster, sum += item.Weight));
        }
        else if (config.Cluster is { } name && context.FindCluster(config.Node, "cluster", name) is { } only) clusters.Add((only, 1));
        if (config.BackoffOptions is { MaxInterval: { } most } backOff && most < backOff.BaseInterval)
            context.Errors.ErrorAt(backOff.Node, "max_interval", ConfigCode.InvalidValue, "is less than base_interval");
        var accessLog = AccessLog.Build(config.AccessLog, context.Errors, context.AccessLogs);
        return context.Errors.Count > before || clusters.Count == 0 ? null
            : new TcpProxyFilter(config, [.. clusters], context.Clusters, new TcpStats(context.Stats, config.StatPrefix), accessLog);
    }
}
