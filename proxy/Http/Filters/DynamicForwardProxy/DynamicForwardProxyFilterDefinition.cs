using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams.Formatting;
using Managed.Proxy.Upstream.OnDemand;

namespace Managed.Proxy.Http.Filters.DynamicForwardProxy;

internal sealed class DynamicForwardProxyFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.dynamic_forward_proxy";
    public override string TypeName => "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig";
    public override string RouteTypeName => "envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig";
    public override Type ConfigType => typeof(DynamicForwardProxyConfig);
    public override Type RouteConfigType => typeof(DynamicForwardProxyPerRouteConfig);
    public override string Summary => "Finds the address of a request's host, for a cluster that goes to whatever host is asked for.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "dynamic_forward_proxy needs a typed_config",
                "give dns_cache_config, the same as the cluster's");
            return null;
        }
        if (ConfigBinder.Bind<DynamicForwardProxyConfig>(typedConfig, context.Errors) is not { DnsCacheConfig: { } config }) return null;
        return DnsCaches.Of(config, context.Shared, context.Errors) is { } cache
            ? new FilterFactory(FilterHooks.RequestHeaders, _ => new DynamicForwardProxyFilter(cache)) : null;
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
    {
        if (ConfigBinder.Bind<DynamicForwardProxyPerRouteConfig>(typedConfig, context.Errors) is not { } config) return null;
        if (config.HostRewriteHeader is { } header)
        {
            if (HeaderName.IsValid(header)) return new OtherHost(null, new HeaderName(header));
            context.Errors.ErrorAt(config.Node, "host_rewrite_header", ConfigCode.InvalidValue, $"'{header}' is not a header name");
            return null;
        }
        byte[] host = Encoding.UTF8.GetBytes(config.HostRewriteLiteral ?? "");
        if (host.Length == 0 || HeaderValue.IsAuthority(host)) return new OtherHost(host, null);
        context.Errors.ErrorAt(config.Node, "host_rewrite_literal", ConfigCode.InvalidValue,
            $"'{config.HostRewriteLiteral}' is not a host");
        return null;
    }
}

/// <summary>What a route says; empty: nothing.</summary>
internal sealed record OtherHost(byte[]? Literal, HeaderName? Header);
