using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Filters.HeaderMutation;

namespace Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;

[Description("Something that has a message of its own.")]
public sealed record ManagerExtensionConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Any name.")]
    public string Name { get; init; } = "";

    [Required, Description("Its message; @type names it.")]
    public ConfigObject? TypedConfig { get; init; }
}

[Description("The client out of x-forwarded-for.")]
public sealed record XffAddressConfig : ConfigRecord
{
    [OneOf("trusted"), Range(0, 64), Description("That many entries from its right.")]
    public int XffNumTrustedHops { get; init; }

    [OneOf("trusted"), Description("The first from its right that is none of these, where the peer is one.")]
    public TrustedAddressesConfig? XffTrustedCidrs { get; init; }

    [Description("The peer is not appended.")]
    public bool SkipXffAppend { get; init; } = true; // Envoy's default
}

[Description("Addresses of proxies.")]
public sealed record TrustedAddressesConfig : ConfigRecord
{
    [Required, Length(1, 1000), Description("The addresses.")]
    public IReadOnlyList<CidrRangeConfig> Cidrs { get; init; } = [];
}

[Description("The client out of a header that holds nothing but an address.")]
public sealed record HeaderAddressConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("The header.")]
    public string HeaderName { get; init; } = "";

    [Description("By this address a request may be internal.")]
    public bool AllowExtensionToSetAddressAsTrusted { get; init; }

    [Description("Refuses requests without an address there; outside of 400 to 511: 403. Absent: the peer is the client.")]
    public RejectStatusConfig? RejectWithStatus { get; init; }
}

[Description("A status.")]
public sealed record RejectStatusConfig : ConfigRecord
{
    [Required, Range(100, 599), Description("The status.")]
    public int Code { get; init; }
}

[Description("Changes of request headers before anything else looks at them.")]
public sealed record EarlyMutationConfig : ConfigRecord
{
    [Required, Length(1, 1000), Description("The changes, in order.")]
    public IReadOnlyList<HeaderMutationRuleConfig> Mutations { get; init; } = [];
}

[Description("The proxy-status header (RFC 9209) of responses that are errors of the proxy or of what is behind it.")]
[UnsupportedField("use_node_id", "there is no node; give literal_proxy_name")]
public sealed record ProxyStatusConfig : ConfigRecord
{
    [Description("No response code details.")]
    public bool RemoveDetails { get; init; }

    [Description("No details of a connection's end.")]
    public bool RemoveConnectionTerminationDetails { get; init; }

    [Description("No response flags.")]
    public bool RemoveResponseFlags { get; init; }

    [Description("Replies of the proxy's own get the status that the RFC recommends for their error.")]
    public bool SetRecommendedResponseCodes { get; init; }

    [Length(0, 256), Description("The proxy's name there. Absent: server_name.")]
    public string LiteralProxyName { get; init; } = "";
}
