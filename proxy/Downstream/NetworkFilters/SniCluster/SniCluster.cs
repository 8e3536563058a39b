using System.ComponentModel;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Downstream.Listener;

namespace Managed.Proxy.Downstream.NetworkFilters.SniCluster;

[Description("The cluster is called as the server that the client asks for by TLS (SNI).")]
public sealed record SniClusterConfig : ConfigRecord;

internal sealed class SniClusterDefinition : NetworkFilterDefinition
{
    public override string Name => "envoy.filters.network.sni_cluster";
    public override string TypeName => "envoy.extensions.filters.network.sni_cluster.v3.SniCluster";
    public override Type ConfigType => typeof(SniClusterConfig);
    public override string Summary => "tcp_proxy goes to the cluster that is called as the server that the client asks for by TLS (SNI).";
    public override bool IsTerminal => false;

    internal override NetworkFilterFactory? BuildFilter(ConfigNode? typedConfig, NetworkBuildContext context)
        => typedConfig is null || ConfigBinder.Bind<SniClusterConfig>(typedConfig, context.Errors) is not null ? new Factory() : null;

    private sealed class Factory : NetworkFilterFactory
    {
        public override bool SeesBytes => false;
        public override bool AsksForServerName => true;

        public override IoTask<bool> AdmitAsync(DownstreamConnection connection)
        {
            connection.ClusterIsServerName = true;
            return new IoTask<bool>(true);
        }
    }
}
