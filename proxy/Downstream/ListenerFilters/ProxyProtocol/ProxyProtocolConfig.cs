using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Downstream.ListenerFilters.ProxyProtocol;

[Description(
    "Reads the header by which a proxy before us tells whose connection it is (PROXY protocol, version 1 and 2). Nothing of it goes any "
        + "further, but for what an upstream_proxy_protocol socket makes of it.")]
[UnsupportedField("tlv_location", "what rules find goes into the metadata")]
public sealed record ProxyProtocolConfig : ConfigRecord
{
    [Description("Fields (TLVs) of version 2 that are put into the metadata.")]
    public IReadOnlyList<ProxyFieldRuleConfig> Rules { get; init; } = [];

    [Description(
        "A connection without a header is served as what it is. Whoever reaches the port can then claim to be anybody: for trusted "
            + "networks only.")]
    public bool AllowRequestsWithoutProxyProtocol { get; init; }

    [Description(
        "Connections with a header of these versions are closed, or with allow_requests_without_proxy_protocol served as if they had "
            + "none.")]
    public IReadOnlyList<ProxyProtocolVersion> DisallowedVersions { get; init; } = [];

    [Description(
        "Fields (TLVs) of version 2 that are kept for upstream_proxy_protocol sockets, as long as the connection is. Absent: none.")]
    public ProxyTlvMatchConfig? PassThroughTlvs { get; init; }

    [Description("Stands in the names of the statistics after proxy_proto.")]
    public string StatPrefix { get; init; } = "";
}

[Description("One field of version 2 and where it goes.")]
public sealed record ProxyFieldRuleConfig : ConfigRecord
{
    [Range(0, 255), Description("Number of the field's type, such as 0xEA for what AWS says.")]
    public int TlvType { get; init; }

    [Description("Where its value goes; as text.")]
    public ProxyFieldKeyConfig? OnTlvPresent { get; init; }
}

[Description("A place in the metadata.")]
public sealed record ProxyFieldKeyConfig : ConfigRecord
{
    [Description("Absent: envoy.filters.listener.proxy_protocol.")]
    public string MetadataNamespace { get; init; } = "";

    [Required, Length(1, 1024), Description("The key.")]
    public string Key { get; init; } = "";
}
