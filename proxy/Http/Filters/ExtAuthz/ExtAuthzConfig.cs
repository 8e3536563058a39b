using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.ExtAuthz;

[Description("Asks a service whether a request may go on.")]
[UnsupportedField(
    "typed_metadata_context_namespaces route_metadata_context_namespaces route_typed_metadata_context_namespaces filter_enabled_metadata "
        + "bootstrap_metadata_labels_key decoder_header_mutation_rules filter_metadata emit_filter_state_stats "
            + "charge_cluster_response_stats enforce_response_header_limits", "not available in this version")]
public sealed record ExtAuthzConfig : ConfigRecord
{
    [OneOf("services", Required = true), Description("A service that speaks Envoy's protocol (envoy.service.auth.v3). Time-out: 200ms.")]
    public GrpcServiceConfig? GrpcService { get; init; }

    [OneOf("services", Required = true), Description("A service that is sent the head of the request; 200 lets it go on.")]
    public AuthzHttpServiceConfig? HttpService { get; init; }

    [Description("V3; messages of version 2 are not spoken.")]
    [UnsupportedValue("V2", "version 2 is gone from Envoy too")]
    public ApiVersion TransportApiVersion { get; init; }

    [Description("Lets requests go on when the service cannot be asked or fails; otherwise they are refused.")]
    public bool FailureModeAllow { get; init; }

    [Description("With failure_mode_allow: tells the upstream by x-envoy-auth-failure-mode-allowed: true.")]
    public bool FailureModeAllowHeaderAdd { get; init; }

    [Description("Holds the body and sends it to the service.")]
    public AuthzBufferConfig? WithRequestBody { get; init; }

    [Description("Matches the route again when the service has changed the request.")]
    public bool ClearRouteCache { get; init; }

    [Description("Status of a refusal because the service failed. Absent: 403.")]
    public HttpStatusCodeConfig? StatusOnError { get; init; }

    [Description("Refuses with 500 what the service changes in a way that no message may have; otherwise such changes are left out.")]
    public bool ValidateMutations { get; init; }

    [Description("Dynamic metadata that is sent to a gRPC service, by namespace.")]
    public IReadOnlyList<string> MetadataContextNamespaces { get; init; } = [];

    [Description("Share of the requests that are asked for. Absent: all of them.")]
    public RuntimeFractionConfig? FilterEnabled { get; init; }

    [Description("Refuses, with status_on_error, what filter_enabled leaves out.")]
    public RuntimeFeatureFlagConfig? DenyAtDisable { get; init; }

    [Description("Sends the client's certificate to a gRPC service, as PEM with percent-encoding.")]
    public bool IncludePeerCertificate { get; init; }

    [Description("Sends the server name of the TLS session to a gRPC service.")]
    public bool IncludeTlsSession { get; init; }

    [Description("Stands in the names of the statistics after ext_authz.")]
    public string StatPrefix { get; init; } = "";

    [Description("Headers that are sent. Absent: all to a gRPC service; to an HTTP service none but host, method, path and authorization.")]
    public ListStringMatcherConfig? AllowedHeaders { get; init; }

    [Description("Headers that are not sent, whatever allowed_headers says.")]
    public ListStringMatcherConfig? DisallowedHeaders { get; init; }

    [Description("Sends headers to a gRPC service as bytes, in header_map, and each field of a name on its own.")]
    public bool EncodeRawHeaders { get; init; }

    [Range(0L, 1L << 20), Description("So much of the body of a refusal is passed on; 0: all of it.")]
    public long MaxDeniedResponseBodyBytes { get; init; }
}

[Description("A service behind HTTP.")]
[UnsupportedField("path_override retry_policy", "not available in this version")]
public sealed record AuthzHttpServiceConfig : ConfigRecord
{
    [Required, Description("Its cluster and the time-out; requests have the client's host, and its path behind path_prefix.")]
    public HttpUriConfig? ServerUri { get; init; }

    [Length(0, 1024), Description("Stands before the path.")]
    public string PathPrefix { get; init; } = "";

    [Description("What is sent.")]
    public AuthzHttpRequestConfig AuthorizationRequest { get; init; } = new();

    [Description("What is taken from its answers.")]
    public AuthzHttpResponseConfig AuthorizationResponse { get; init; } = new();
}

[Description("What is sent to an HTTP service.")]
public sealed record AuthzHttpRequestConfig : ConfigRecord
{
    [Description("Deprecated in Envoy, use the filter's allowed_headers.")]
    public ListStringMatcherConfig? AllowedHeaders { get; init; }

    [Length(0, 100), Description("Headers that are added, in place of the client's; format operators are replaced.")]
    public IReadOnlyList<HeaderValueConfig> HeadersToAdd { get; init; } = [];
}

[Description("What is taken from answers of an HTTP service. It may name headers to remove in x-envoy-auth-headers-to-remove.")]
public sealed record AuthzHttpResponseConfig : ConfigRecord
{
    [Description("Headers that are put into the request, in place of those that are there.")]
    public ListStringMatcherConfig? AllowedUpstreamHeaders { get; init; }

    [Description("Headers whose values are appended to those that are in the request, behind a comma.")]
    public ListStringMatcherConfig? AllowedUpstreamHeadersToAppend { get; init; }

    [Description("Headers of a refusal that the client gets, beside www-authenticate, proxy-authenticate and location. Absent: all.")]
    public ListStringMatcherConfig? AllowedClientHeaders { get; init; }

    [Description("Headers that are added to the response when the request goes on.")]
    public ListStringMatcherConfig? AllowedClientHeadersOnSuccess { get; init; }

    [Description("Headers that are put into the dynamic metadata of envoy.filters.http.ext_authz.")]
    public ListStringMatcherConfig? DynamicMetadataFromHeaders { get; init; }
}

[Description("How much of a body is held.")]
public sealed record AuthzBufferConfig : ConfigRecord
{
    [Required, Range(1L, 64L << 20), Description("The most; a longer body is refused with 413.")]
    public long MaxRequestBytes { get; init; }

    [Description("Of a longer body sends so much instead, and says so by x-envoy-auth-partial-body: true.")]
    public bool AllowPartialMessage { get; init; }

    [Description("Sends it to a gRPC service as bytes (raw_body) instead of text.")]
    public bool PackAsBytes { get; init; }
}

[Description("A status.")]
public sealed record HttpStatusCodeConfig : ConfigRecord
{
    [Required, Range(200, 599), Description("The status.")]
    public int Code { get; init; }
}

[Description("For a route, virtual host, route configuration or weighted cluster.")]
public sealed record ExtAuthzPerRouteConfig : ConfigRecord
{
    [OneOf("override", Required = true), Description("true: the service is not asked here.")]
    public bool Disabled { get; init; }

    [OneOf("override", Required = true), Description("How it is asked here.")]
    public AuthzCheckSettingsConfig? CheckSettings { get; init; }
}

[Description("How the service is asked.")]
[UnsupportedField("grpc_service http_service", "not available in this version")]
public sealed record AuthzCheckSettingsConfig : ConfigRecord
{
    [Description("Told to a gRPC service; those of all levels together, the most specific winning.")]
    public IReadOnlyDictionary<string, string> ContextExtensions { get; init; } = new Dictionary<string, string>();

    [OneOf("body"), Description("The body is neither held nor sent here.")]
    public bool DisableRequestBodyBuffering { get; init; }

    [OneOf("body"), Description("In place of the filter's.")]
    public AuthzBufferConfig? WithRequestBody { get; init; }
}
