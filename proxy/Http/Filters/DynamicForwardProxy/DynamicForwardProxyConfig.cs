using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.DynamicForwardProxy;

[Description("Holds a request until the address of its host is known.")]
[UnsupportedField("sub_cluster_config", "one cluster has all hosts in this version: give dns_cache_config")]
[UnsupportedField("save_upstream_address", "rules on addresses belong to the network")]
[UnsupportedField("allow_dynamic_host_from_filter_state",
    "the host of the request, or host_rewrite_literal on the route, says where it goes")]
public sealed record DynamicForwardProxyConfig : ConfigRecord
{
    [Required, Description("Where addresses come from; the cluster gives the same.")]
    public DnsCacheConfig? DnsCacheConfig { get; init; }
}

[Description("The filter on a route: requests go to another host.")]
public sealed record DynamicForwardProxyPerRouteConfig : ConfigRecord
{
    [OneOf("host_rewrite_specifier"), Length(1, 255), Description("That host.")]
    public string? HostRewriteLiteral { get; init; }

    [OneOf("host_rewrite_specifier"), Length(1, 256), Description("The request header that says it; without it the host stays.")]
    public string? HostRewriteHeader { get; init; }
}
