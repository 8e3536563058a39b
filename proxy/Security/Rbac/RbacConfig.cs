using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Security.Rbac;

[Description("Policies and what it means when one matches. They are asked in the order of their names; the first that matches counts.")]
[UnsupportedField("audit_logging_options", "audit loggers are not available in this version; access_log has the policy")]
public sealed record RbacRulesConfig : ConfigRecord
{
    [Description("ALLOW lets in what a policy matches, DENY everything else; LOG lets all in and only notes it.")]
    public RbacAction Action { get; init; } = RbacAction.Allow; // Envoy's default

    [Description("Policies by name. None: nothing matches.")]
    public IReadOnlyDictionary<string, RbacPolicyConfig> Policies { get; init; } = new Dictionary<string, RbacPolicyConfig>();
}

public enum RbacAction { Allow, Deny, Log }

[Description("What a matcher finds: ALLOW lets in, DENY does not, LOG lets in and notes it for the access log.")]
public sealed record RbacMatchActionConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Stands in metadata and statistics as the name of a policy would.")]
    public string Name { get; init; } = "";

    [Description("ALLOW, DENY or LOG.")]
    public RbacAction Action { get; init; } = RbacAction.Allow; // Envoy's default
}

[Description("Matches when one of its permissions and one of its principals do.")]
[UnsupportedField("condition checked_condition cel_config", "conditions in CEL are not available in this version")]
public sealed record RbacPolicyConfig : ConfigRecord
{
    [Required, Length(1, 1000), Description("What is asked for: one of them matches.")]
    public IReadOnlyList<RbacPermissionConfig> Permissions { get; init; } = [];

    [Required, Length(1, 1000), Description("Who asks: one of them matches.")]
    public IReadOnlyList<RbacPrincipalConfig> Principals { get; init; } = [];
}

[Description("A condition on what is asked for.")]
[UnsupportedField("matcher", "matchers of extensions are not available in this version")]
[UnsupportedField("uri_template", "URI templates are not available in this version")]
public sealed record RbacPermissionConfig : ConfigRecord
{
    [OneOf("rule", Required = true), Description("All of these.")]
    public RbacPermissionSetConfig? AndRules { get; init; }

    [OneOf("rule", Required = true), Description("One of these.")]
    public RbacPermissionSetConfig? OrRules { get; init; }

    [OneOf("rule", Required = true), Description("true: everything.")]
    public bool Any { get; init; }

    [OneOf("rule", Required = true), Description("A request header. HTTP only.")]
    public HeaderMatcherConfig? Header { get; init; }

    [OneOf("rule", Required = true), Description("The path without query and fragment. HTTP only.")]
    public PathMatcherConfig? UrlPath { get; init; }

    [OneOf("rule", Required = true), Description("The address that the client connected to.")]
    public CidrRangeConfig? DestinationIp { get; init; }

    [OneOf("rule", Required = true), Range(0, 65535), Description("The port that the client connected to.")]
    public int? DestinationPort { get; init; }

    [OneOf("rule", Required = true), Description("The port that the client connected to is in this range.")]
    public Int32RangeConfig? DestinationPortRange { get; init; }

    [OneOf("rule", Required = true), Description("Dynamic metadata; deprecated in Envoy, use sourced_metadata.")]
    public MetadataMatcherConfig? Metadata { get; init; }

    [OneOf("rule", Required = true), Description("Not this.")]
    public RbacPermissionConfig? NotRule { get; init; }

    [OneOf("rule", Required = true), Description("The server name that the client asked for by TLS; empty when it named none.")]
    public StringMatcherConfig? RequestedServerName { get; init; }

    [OneOf("rule", Required = true), Description("Metadata of the stream or of the route.")]
    public SourcedMetadataConfig? SourcedMetadata { get; init; }
}

[Description("Several conditions.")]
public sealed record RbacPermissionSetConfig : ConfigRecord
{
    [Required, Length(1, 1000), Description("The conditions.")]
    public IReadOnlyList<RbacPermissionConfig> Rules { get; init; } = [];
}

[Description("A condition on who asks.")]
[UnsupportedField("custom", "custom principals are not available in this version")]
public sealed record RbacPrincipalConfig : ConfigRecord
{
    [OneOf("identifier", Required = true), Description("All of these.")]
    public RbacPrincipalSetConfig? AndIds { get; init; }

    [OneOf("identifier", Required = true), Description("One of these.")]
    public RbacPrincipalSetConfig? OrIds { get; init; }

    [OneOf("identifier", Required = true), Description("true: everybody.")]
    public bool Any { get; init; }

    [OneOf("identifier", Required = true), Description("Who the client is by its certificate.")]
    public RbacAuthenticatedConfig? Authenticated { get; init; }

    [OneOf("identifier", Required = true),
        Description("The client's address after PROXY protocol, before X-Forwarded-For. Deprecated in Envoy.")]
    public CidrRangeConfig? SourceIp { get; init; }

    [OneOf("identifier", Required = true), Description("The address of the peer on the wire.")]
    public CidrRangeConfig? DirectRemoteIp { get; init; }

    [OneOf("identifier", Required = true), Description("The client's address after PROXY protocol and X-Forwarded-For.")]
    public CidrRangeConfig? RemoteIp { get; init; }

    [OneOf("identifier", Required = true), Description("A request header. HTTP only.")]
    public HeaderMatcherConfig? Header { get; init; }

    [OneOf("identifier", Required = true), Description("The path without query and fragment. HTTP only.")]
    public PathMatcherConfig? UrlPath { get; init; }

    [OneOf("identifier", Required = true), Description("Dynamic metadata; deprecated in Envoy, use sourced_metadata.")]
    public MetadataMatcherConfig? Metadata { get; init; }

    [OneOf("identifier", Required = true), Description("An object of the filter state.")]
    public FilterStateMatcherConfig? FilterState { get; init; }

    [OneOf("identifier", Required = true), Description("Not this.")]
    public RbacPrincipalConfig? NotId { get; init; }

    [OneOf("identifier", Required = true), Description("Metadata of the stream or of the route.")]
    public SourcedMetadataConfig? SourcedMetadata { get; init; }
}

[Description("Several conditions.")]
public sealed record RbacPrincipalSetConfig : ConfigRecord
{
    [Required, Length(1, 1000), Description("The conditions.")]
    public IReadOnlyList<RbacPrincipalConfig> Ids { get; init; } = [];
}

[Description("Who a client is by TLS.")]
public sealed record RbacAuthenticatedConfig : ConfigRecord
{
    [Description(
        "A test of the names in the client's verified certificate: its URIs, its DNS names, its subject. Absent: anybody who came by TLS.")]
    public StringMatcherConfig? PrincipalName { get; init; }
}

[Description("A test of the path without query and fragment.")]
public sealed record PathMatcherConfig : ConfigRecord
{
    [OneOf("rule", Required = true), Description("The test.")]
    public StringMatcherConfig? Path { get; init; }
}

[Description("start <= value < end.")]
public sealed record Int32RangeConfig : ConfigRecord
{
    [Description("Lowest value, inclusive.")]
    public int Start { get; init; }

    [Description("End, exclusive.")]
    public int End { get; init; }
}

[Description("A test of metadata, with where it is.")]
public sealed record SourcedMetadataConfig : ConfigRecord
{
    [Required, Description("The test.")]
    public MetadataMatcherConfig? MetadataMatcher { get; init; }

    [Description("DYNAMIC: what filters wrote into the stream; ROUTE: what the matched route has (HTTP only).")]
    public MetadataSource MetadataSource { get; init; } = MetadataSource.Dynamic; // Envoy's default
}

public enum MetadataSource { Dynamic, Route }

[Description("A test of an object of the filter state.")]
public sealed record FilterStateMatcherConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("The object's name.")]
    public string Key { get; init; } = "";

    [OneOf("matcher", Required = true), Description("A test of the object's text.")]
    public StringMatcherConfig? StringMatch { get; init; }

    [OneOf("matcher", Required = true), Description("The object's text is an IP address in one of these blocks.")]
    public AddressMatcherConfig? AddressMatch { get; init; }
}

[Description("A test of an IP address.")]
public sealed record AddressMatcherConfig : ConfigRecord
{
    [Required, Length(1, 1000), Description("Blocks of addresses.")]
    public IReadOnlyList<CidrRangeConfig> Ranges { get; init; } = [];

    [Description("Turns the result round.")]
    public bool InvertMatch { get; init; }
}
