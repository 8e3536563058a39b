using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Downstream.NetworkFilters.ExtAuthz;

internal sealed class NetworkAuthzDefinition : NetworkFilterDefinition
{
    private const long DefaultMicros = 200_000; // Envoy's default

    public override string Name => "envoy.filters.network.ext_authz";
    public override string TypeName => "envoy.extensions.filters.network.ext_authz.v3.ExtAuthz";
    public override Type ConfigType => typeof(NetworkAuthzConfig);
    public override string Summary => "Asks a service over gRPC whether a connection may go on.";
    public override bool IsTerminal => false;

    internal override NetworkFilterFactory? BuildFilter(ConfigNode? typedConfig, NetworkBuildContext context)
    {
        var errors = context.Errors;
        if (typedConfig is null)
        {
            errors.Error((ConfigNode?)null, ConfigCode.MissingField, "ext_authz needs a typed_config", "give stat_prefix and grpc_service");
            return null;
        }
        if (ConfigBinder.Bind<NetworkAuthzConfig>(typedConfig, errors) is not { HasErrors: false } config
            || config.GrpcService is not { EnvoyGrpc: { } grpc } service) return null;
        int before = errors.Count;
        if (!context.Clusters.ContainsKey(grpc.ClusterName))
            errors.ErrorAt(grpc.Node, "cluster_name", ConfigCode.UnknownReference, $"cluster '{grpc.ClusterName}' does not exist",
                Suggestions.Hint(grpc.ClusterName, context.Clusters.Keys));
        var metadata = HeaderMutations.Build([.. service.InitialMetadata.Select(h => new HeaderValueOptionConfig
        {
            Header = h, AppendAction = HeaderAppendAction.OverwriteIfExistsOrAdd,
        })], [], errors, null);
        if (errors.Count > before) return null;
        Counter C(string name) => context.Stats.Counter($"ext_authz.{config.StatPrefix}.{name}");
        var settings = new NetworkAuthzSettings(config, grpc.ClusterName, grpc.Authority.Length > 0 ? grpc.Authority : grpc.ClusterName,
            service.Timeout is { } time ? time.Ticks / TimeSpan.TicksPerMicrosecond : DefaultMicros, metadata, C("total"), C("ok"),
            C("denied"), C("error"), C("timeout"), C("failure_mode_allowed"), C("cx_closed"),
            context.Stats.Gauge($"ext_authz.{config.StatPrefix}.active"));
        return new Factory(settings);
    }

    private sealed class Factory(NetworkAuthzSettings settings) : NetworkFilterFactory
    {
        public override NetworkFilter Create(DownstreamConnection connection) => new NetworkAuthzFilter(settings);
    }
}
