using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("Sends a copy of requests to another cluster; its answers are thrown away. CONNECT and upgrades are not copied.")]
[UnsupportedField("trace_sampled", "spans are not made in this version")]
[UnsupportedField("request_headers_mutations", "header changes of the route apply to copies too")]
[UnsupportedField("runtime_key", "use runtime_fraction")]
public sealed record MirrorPolicyConfig : ConfigRecord
{
    [OneOf("cluster_specifier", Required = true), Description("Name of the cluster.")]
    public string? Cluster { get; init; }

    [OneOf("cluster_specifier", Required = true),
        Description("The request header that names the cluster; without it, or where there is no such cluster, nothing is copied.")]
    public string? ClusterHeader { get; init; }

    [Description("Only this share of the requests; all of them if nothing is said.")]
    public RuntimeFractionConfig? RuntimeFraction { get; init; }

    [Description("The host of copies stays as it is. Otherwise -shadow is added to it, before its port.")]
    public bool DisableShadowHostSuffixAppend { get; init; }

    [Length(0, 255), Description("The host of copies; -shadow is added to it too, unless that is switched off.")]
    public string HostRewriteLiteral { get; init; } = "";
}
