using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Upstream.OnDemand;

namespace Managed.Proxy.Upstream;

/// <summary>Checks and builds what a cluster says whose endpoints are made for whatever is asked for.</summary>
internal static class OnDemandBuilder
{
    /// <summary>Null when its endpoints are in a list, or errors were added.</summary>
    /// <param name="shape">How its connections are made.</param>
    public static OnDemandPlan? Build(ClusterConfig config, ClusterMembers members, string shape, SharedState shared, ConfigErrors errors)
    {
        bool byAddress = config is { CustomKind: null, Type: ClusterType.OriginalDst };
        if (config.CustomType is not ("" or ClusterConfig.DynamicForwardProxy or ClusterConfig.Aggregate))
            errors.Error(config.CustomKind!.Node, ConfigCode.UnknownExtension, $"there is no kind of cluster '{config.CustomType}' here",
                "there are envoy.clusters.dynamic_forward_proxy and envoy.clusters.aggregate");
        bool provides = byAddress || config.CustomKind is not null;
        if (provides != (config.LbPolicy == LbPolicy.ClusterProvided) && !(provides && !Says(config, "lb_policy")))
            errors.ErrorAt(config.Node, "lb_policy", ConfigCode.Conflict, provides
                ? "this kind of cluster says itself which endpoint a request gets: lb_policy is CLUSTER_PROVIDED"
                : "CLUSTER_PROVIDED is for kinds of clusters that say themselves which endpoint a request gets");
        if (config.OriginalDstLbConfig is { } own && !byAddress)
            errors.Error(own.Node, ConfigCode.Conflict, "original_dst_lb_config is for type ORIGINAL_DST");
        if (!provides) return null;
        if (config.LoadAssignment is { } list)
            errors.Error(list.Node, ConfigCode.Conflict, "this kind of cluster has no list of endpoints");
        if (config.HealthChecks.Count > 0)
            errors.ErrorAt(config.Node, "health_checks", ConfigCode.UnsupportedField,
                "'health_checks' is not supported where endpoints are made for whatever is asked for");
        if (config.LbSubsetConfig is { } division)
            errors.Error(division.Node, ConfigCode.Conflict, "this kind of cluster has no subsets");
        if (config.CustomType == ClusterConfig.Aggregate || errors.HasErrors) return null;
        var endpoints = members.OnDemand is { } known && known.Shape == shape ? known : new OnDemandEndpoints(shape, members.State.Workers);
        return byAddress ? ByAddress(config, endpoints, errors) : ByHost(config, endpoints, shared, errors);
    }

    private static bool Says(ClusterConfig config, string field) => config.Node is ConfigObject node && node.Has(field);

    private static OnDemandPlan ByAddress(ClusterConfig config, OnDemandEndpoints endpoints, ConfigErrors errors)
    {
        var own = config.OriginalDstLbConfig ?? new OriginalDstLbConfig();
        if (own.HttpHeaderName.Length > 0 && !HeaderName.IsValid(own.HttpHeaderName))
            errors.ErrorAt(own.Node, "http_header_name", ConfigCode.InvalidValue, $"'{own.HttpHeaderName}' is not a header name");
        return new OnDemandPlan
        {
            Endpoints = endpoints, Header = own.UseHttpHeader ? OnDemandPlan.HeaderOf(own.HttpHeaderName) : null,
            PortOverride = own.UpstreamPortOverride is 0 ? null : own.UpstreamPortOverride,
            UnusedMicros = config.CleanupInterval.Ticks / TimeSpan.TicksPerMicrosecond,
        };
    }

    private static OnDemandPlan? ByHost(ClusterConfig config, OnDemandEndpoints endpoints, SharedState shared, ConfigErrors errors)
    {
        if (config.CustomKind!.TypedConfig is not { } typed)
        {
            errors.Error(config.CustomKind.Node, ConfigCode.MissingField, "dynamic_forward_proxy needs a typed_config",
                "give dns_cache_config, the same as the filter's");
            return null;
        }
        if (ConfigBinder.Bind<DynamicForwardProxyClusterConfig>(typed, errors) is not { DnsCacheConfig: { } dns } own) return null;
        // Whoever answers for a name is let through as that name otherwise.
        if (config is { TransportSocket: not null, HttpNames: not { AutoSni: true, AutoSanValidation: true } }
            && !own.AllowInsecureClusterOptions)
            errors.Error(config.TransportSocket.Node, ConfigCode.Conflict,
                "with TLS the endpoint has to be checked for the host that was asked for",
                "give auto_sni and auto_san_validation, or nothing; allow_insecure_cluster_options does without");
        return DnsCaches.Of(dns, shared, errors) is not { } cache ? null : new OnDemandPlan
        {
            Endpoints = endpoints, Dns = cache, DefaultPort = config.TransportSocket is null ? 80 : 443,
            UnusedMicros = dns.HostTtl.Ticks / TimeSpan.TicksPerMicrosecond,
        };
    }
}
