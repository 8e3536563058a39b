using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("A routing table: virtual hosts by domain.")]
[UnsupportedField(
    "vhds internal_only_headers validate_clusters cluster_specifier_plugins request_mirror_policies vhost_header metadata "
        + "ignore_path_parameters_in_path_matching", "not available in this version")]
public sealed record RouteConfigurationConfig : ConfigRecord
{
    [ResourceName, Description("Unique name. Inside route_config it may be left out.")]
    public string Name { get; init; } = "";

    [Description("Virtual hosts; each domain belongs to one of them.")]
    public IReadOnlyList<VirtualHostConfig> VirtualHosts { get; init; } = [];

    [Description("Headers added to every request.")]
    public IReadOnlyList<HeaderValueOptionConfig> RequestHeadersToAdd { get; init; } = [];

    [Description("Headers removed from every request.")]
    public IReadOnlyList<string> RequestHeadersToRemove { get; init; } = [];

    [Description("Headers added to every response.")]
    public IReadOnlyList<HeaderValueOptionConfig> ResponseHeadersToAdd { get; init; } = [];

    [Description("Headers removed from every response.")]
    public IReadOnlyList<string> ResponseHeadersToRemove { get; init; } = [];

    [Description("Applies the route's header changes last instead of first, so that they win.")]
    public bool MostSpecificHeaderMutationsWins { get; init; }

    [Description("Chooses the virtual host without the port of the Host header.")]
    public bool IgnorePortInHostMatching { get; init; }

    [ByteSize, Range(0L, 1L << 24), Description("Largest body of a direct_response.")]
    public long MaxDirectResponseBodySizeBytes { get; init; } = 4096; // Envoy's default, 4 KiB

    [Description("Configuration of filters for these routes, by filter name; a more specific level wins.")]
    public IReadOnlyDictionary<string, ConfigObject> TypedPerFilterConfig { get; init; } = new Dictionary<string, ConfigObject>();
}

[Description("Routes for some domains.")]
[UnsupportedField(
    "retry_policy retry_policy_typed_config hedge_policy include_request_attempt_count include_attempt_count_in_response "
        + "include_is_timeout_retry_header", "retry policies are not available in this version")]
[UnsupportedField(
    "virtual_clusters rate_limits request_mirror_policies per_request_buffer_limit_bytes request_body_buffer_limit matcher",
        "not available in this version")]
public sealed record VirtualHostConfig : ConfigRecord
{
    [Required, ResourceName, Description("Addresses the virtual host in its route configuration.")]
    public string Name { get; init; } = "";

    [Required, Length(1, 10000), Description("Host names: exact, *.example.com, www.example.*, or * for all others.")]
    public IReadOnlyList<string> Domains { get; init; } = [];

    [Description("Routes; the first that matches is taken.")]
    public IReadOnlyList<RouteConfig> Routes { get; init; } = [];

    [Description("Redirects requests that came without TLS.")]
    public TlsRequirement RequireTls { get; init; } = TlsRequirement.None;

    [Description("Headers added to every request.")]
    public IReadOnlyList<HeaderValueOptionConfig> RequestHeadersToAdd { get; init; } = [];

    [Description("Headers removed from every request.")]
    public IReadOnlyList<string> RequestHeadersToRemove { get; init; } = [];

    [Description("Headers added to every response.")]
    public IReadOnlyList<HeaderValueOptionConfig> ResponseHeadersToAdd { get; init; } = [];

    [Description("Headers removed from every response.")]
    public IReadOnlyList<string> ResponseHeadersToRemove { get; init; } = [];

    [Description("Free data for filters, by namespace, under filter_metadata.")]
    public MetadataConfig? Metadata { get; init; }

    [Description("Deprecated in Envoy, use typed_per_filter_config: the policy of the filter cors, where no level has one there.")]
    public CorsPolicyConfig? Cors { get; init; }

    [Description("Configuration of filters for these routes, by filter name.")]
    public IReadOnlyDictionary<string, ConfigObject> TypedPerFilterConfig { get; init; } = new Dictionary<string, ConfigObject>();
}

public enum TlsRequirement { None, ExternalOnly, All }
