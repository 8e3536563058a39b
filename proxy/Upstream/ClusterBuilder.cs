using System.Net;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.ShortForms;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Core;
using Managed.Proxy.Http.Codecs.Http2;
using Managed.Proxy.Streams.AccessLog;
using Managed.Proxy.Upstream.Health;
using Managed.Proxy.Upstream.LoadBalancing;
using Managed.Proxy.Upstream.Pools;
using Managed.Proxy.Upstream.TransportSockets;

namespace Managed.Proxy.Upstream;

/// <summary>Checks and builds one cluster of a version.</summary>
internal static class ClusterBuilder
{
    public static Cluster? Build(ClusterConfig config, ClusterRegistry registry, ConfigErrors errors, StatScope names, SharedState shared,
        AccessLogFiles? logs = null)
    {
        if (config.Name.Length == 0) return null;
        var targets = new List<EndpointTarget>();
        if (config.LoadAssignment is { } assignment)
        {
            foreach (var group in assignment.Endpoints)
                foreach (var endpoint in group.LbEndpoints)
                    if (Target(endpoint, config, errors) is { } target)
                        targets.Add(target with { Priority = group.Priority, Locality = Locality(group) });
        }
        else if (HasType(config) && config is { CustomKind: null, Type: not ClusterType.OriginalDst })
            errors.WarningAt(config.Node, "load_assignment", ConfigCode.MissingField,
                $"cluster '{config.Name}' has no endpoints: requests to it get 503");
        CheckType(config, errors);
        var members = registry.For(config.Name);
        CheckProtocol(config, errors);
        CheckPolicy(config, errors);
        var http = UpstreamHttp.Of(config, () => new Http2Stats(names.Group($"cluster.{config.Name}.http2.", Http2Stats.Group)));
        var socket = UpstreamSocketBuilder.Build(config, http.Protocol, errors, names, shared);
        return new Cluster(config, members, targets)
        {
            Socket = socket, Http = http, Health = HealthPlan.Build(config, http, errors, names, logs),
            OnDemand = OnDemandBuilder.Build(config, members, $"{socket?.Key}|{http.Key}", shared, errors),
        };
    }

    private static void CheckPolicy(ClusterConfig config, ConfigErrors errors)
    {
        var ring = config.RingHashLbConfig;
        if (ring.MinimumRingSize > ring.MaximumRingSize)
            errors.ErrorAt(ring.Node, "minimum_ring_size", ConfigCode.InvalidValue, "must not be larger than maximum_ring_size");
        if (config.CommonLbConfig.ConsistentHashingLbConfig is { HashBalanceFactor: > 0 and < 100 } hashing)
            errors.ErrorAt(hashing.Node, "hash_balance_factor", ConfigCode.InvalidValue, "is at least 100, the mean itself");
        foreach (var selector in config.LbSubsetConfig?.SubsetSelectors ?? [])
            CheckSelector(selector, errors);
        int size = config.MaglevLbConfig.TableSize;
        for (int i = 2; i * i <= size; i++)
            if (size % i == 0)
            {
                errors.ErrorAt(config.MaglevLbConfig.Node, "table_size", ConfigCode.InvalidValue, $"{size} is not a prime: {i} divides it");
                break;
            }
    }

    private static void CheckSelector(LbSubsetSelectorConfig selector, ConfigErrors errors)
    {
        bool named = selector.FallbackKeysSubset.Count > 0;
        if (named != (selector.FallbackPolicy == LbSubsetSelectorFallbackPolicy.KeysSubset))
            errors.ErrorAt(selector.Node, "fallback_keys_subset", ConfigCode.Conflict,
                "is for the fallback_policy KEYS_SUBSET, and that needs it");
        else if (named && (selector.FallbackKeysSubset.Except(selector.Keys).Any()
            || selector.FallbackKeysSubset.Distinct().Count() >= selector.Keys.Distinct().Count()))
            errors.ErrorAt(selector.Node, "fallback_keys_subset", ConfigCode.InvalidValue, "must be some of the keys, and not all of them");
    }

    private static void CheckType(ClusterConfig config, ConfigErrors errors)
    {
        if (config is { EdsClusterConfig: { } file, Type: not ClusterType.Eds })
            errors.Error(file.Node, ConfigCode.Conflict, "eds_cluster_config is for type EDS");
        if (config.Type == ClusterType.LogicalDns && config.LoadAssignment?.Endpoints.Sum(l => l.LbEndpoints.Count) is not 1)
            errors.ErrorAt(config.Node, "load_assignment", ConfigCode.InvalidValue, "a LOGICAL_DNS cluster has exactly one endpoint",
                "use type: STRICT_DNS for several");
    }

    private static void CheckProtocol(ClusterConfig config, ConfigErrors errors)
    {
        if (config.TypedExtensionProtocolOptions.Count == 0) return;
        foreach (var (name, options) in config.TypedExtensionProtocolOptions)
            if (ExtensionNames.Bare((options.Node as ConfigObject)?.Text("@type") ?? name) != ExtensionNames.HttpProtocolOptionsType)
                errors.Error(options.Node, ConfigCode.UnknownExtension, $"'{name}' is not served: the one message here is "
                    + ExtensionNames.HttpProtocolOptionsType);
        if (config.TypedExtensionProtocolOptions.Count > 1)
            errors.ErrorAt(config.Node, "typed_extension_protocol_options", ConfigCode.Conflict, "only one entry may be given");
        if (config.Http2ProtocolOptions is { } old)
            errors.Warning(old.Node, ConfigCode.UnsupportedField,
                "'http2_protocol_options' of the cluster is not used: typed_extension_protocol_options says it, as in Envoy");
        if (config.HttpOptions?.UpstreamHttpProtocolOptions is { AutoSanValidation: true, AutoSni: false } names)
            errors.Error(names.Node, ConfigCode.Conflict,
                "auto_san_validation needs auto_sni: the name that is looked for is the one sent");
        if (config.HttpOptions is { AutoConfig: { } auto } && config.TransportSocket is null)
            errors.Error(auto.Node, ConfigCode.Conflict, "auto_config needs TLS, by which the endpoint chooses (ALPN)",
                "give tls, or explicit_http_config");
    }

    // A type that did not bind is reported itself; what does not fit the default in its place is no further mistake.
    private static bool HasType(ClusterConfig config)
        => config.Node is not ConfigObject node || node["type"] is not { } given
        || given is ConfigScalar { Text: "STATIC" or "STRICT_DNS" or "LOGICAL_DNS" or "ORIGINAL_DST" or "null" };

    private static EndpointTarget? Target(LbEndpointConfig item, ClusterConfig config, ConfigErrors errors)
    {
        var endpoint = item.Endpoint;
        if (endpoint?.Address is not { } address) return null;
        if (address.Pipe is { Path.Length: > 0 } pipe)
            return new EndpointTarget(SocketAddressBytes.FromPath(pipe.Path), "unix://" + pipe.Path, "", 0, endpoint.Hostname,
                item.LoadBalancingWeight, item.HealthStatus) { LbMetadata = item.Metadata?.LoadBalancing, Check = Check(endpoint, errors) };
        if (address.SocketAddress is not { Address.Length: > 0 } socket) return null;
        if (socket.PortValue == 0) errors.ErrorAt(socket.Node, "port_value", ConfigCode.InvalidValue, "an endpoint needs a port");
        if (IPAddress.TryParse(socket.Address, out var ip))
        {
            var endPoint = new IPEndPoint(ip, socket.PortValue);
            return new EndpointTarget(SocketAddressBytes.From(endPoint), endPoint.ToString(), "", socket.PortValue, endpoint.Hostname,
                item.LoadBalancingWeight, item.HealthStatus) { LbMetadata = item.Metadata?.LoadBalancing, Check = Check(endpoint, errors) };
        }
        if (config.Type == ClusterType.Static)
        {
            if (HasType(config))
                errors.ErrorAt(socket.Node, "address", ConfigCode.InvalidValue,
                    $"'{socket.Address}' is not an IP address, which a STATIC cluster needs", "use type: STRICT_DNS for host names");
            return null;
        }
        return new EndpointTarget(null, socket.Address, socket.Address, socket.PortValue,
            endpoint.Hostname.Length > 0 ? endpoint.Hostname : socket.Address, item.LoadBalancingWeight, item.HealthStatus)
            { LbMetadata = item.Metadata?.LoadBalancing, Check = Check(endpoint, errors) };
    }

    private static EndpointHealthCheckConfig? Check(EndpointConfig endpoint, ConfigErrors errors)
    {
        if (endpoint.HealthCheckConfig is { Address: { } address }
            && !(address.SocketAddress is { } socket && IPAddress.TryParse(socket.Address, out _)))
            errors.Error(address.Node, ConfigCode.InvalidValue, "an address to check is an IP address");
        return endpoint.HealthCheckConfig;
    }

    private static EndpointLocality? Locality(LocalityEndpointsConfig group)
        => group.Locality is null && group.LoadBalancingWeight == 0 ? null
            : new EndpointLocality(group.Locality?.Name ?? "", group.LoadBalancingWeight);
}

/// <summary>What the configuration says of an endpoint: an address, or a name still to be resolved.</summary>
internal sealed record EndpointTarget(SocketAddressBytes? Address, string Text, string HostName, int Port, string RewriteHost, int Weight,
    EndpointHealthStatus Health)
{
    public ConfigObject? LbMetadata { get; init; }
    public int Priority { get; init; }
    public EndpointLocality? Locality { get; init; }
    /// <summary>How it is checked, where that is not as the cluster says.</summary>
    public EndpointHealthCheckConfig? Check { get; init; }
}
