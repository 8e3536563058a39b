using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

/// <summary>Envoy's core.v3.ProxyProtocolConfig.</summary>
[Description("The header by which a peer is told whose connection it is (PROXY protocol).")]
public sealed record ProxyProtocolOptionsConfig : ConfigRecord
{
    [Description("V1 is a line of text, V2 binary.")]
    public ProxyProtocolVersion Version { get; init; } = ProxyProtocolVersion.V1; // Envoy's default

    [Description("Fields (TLVs) of the client's own header that are passed on, as far as the listener filter keeps them. V2 only.")]
    public ProxyTlvMatchConfig? PassThroughTlvs { get; init; }

    [Length(0, 256), Description("Fields that are added; one of a type that is passed on too replaces it. V2 only.")]
    public IReadOnlyList<ProxyTlvConfig> AddedTlvs { get; init; } = [];
}

public enum ProxyProtocolVersion
{
    [JsonStringEnumMemberName("V1")] V1,
    [JsonStringEnumMemberName("V2")] V2,
}

[Description("Which fields of a PROXY header of version 2.")]
public sealed record ProxyTlvMatchConfig : ConfigRecord
{
    [Description("INCLUDE_ALL is all fields, INCLUDE those of tlv_type.")]
    public ProxyTlvMatch MatchType { get; init; } = ProxyTlvMatch.IncludeAll; // Envoy's default

    [Length(0, 256), Description("Types of fields, 0 to 255.")]
    public IReadOnlyList<int> TlvType { get; init; } = [];
}

/// <summary>Envoy's ProxyProtocolPassThroughTLVs.PassTLVsMatchType.</summary>
public enum ProxyTlvMatch { IncludeAll, Include }

[Description("A field of a PROXY header of version 2.")]
[UnsupportedField("format_string", "a value is given as bytes")]
public sealed record ProxyTlvConfig : ConfigRecord
{
    [Range(0, 255), Description("Its type.")]
    public int Type { get; init; }

    [Description("Its value, in base64.")]
    public byte[] Value { get; init; } = [];
}

/// <summary>Envoy's ProxyProtocolUpstreamTransport.</summary>
[Description("Tells an endpoint whose connection it is (PROXY protocol), before anything else.")]
[UnsupportedField("allow_unspecified_address", "without an address version 1 says UNKNOWN and version 2 LOCAL")]
public sealed record UpstreamProxyProtocolConfig : ConfigRecord
{
    [Description("The header.")]
    public ProxyProtocolOptionsConfig Config { get; init; } = new();

    [Required, Description("What comes behind the header: raw_buffer or tls.")]
    public TransportSocketConfig? TransportSocket { get; init; }

    [Description("Always so here: a connection is used for one client connection alone, whatever its header says.")]
    public bool TlvAsPoolKey { get; init; }
}
