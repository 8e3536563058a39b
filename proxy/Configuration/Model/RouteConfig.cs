using System.ComponentModel.DataAnnotations;
using System.ComponentModel;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("Which requests, and what happens with them.")]
[UnsupportedField("filter_action decorator tracing stat_prefix", "not available in this version")]
public sealed record RouteConfig : ConfigRecord
{
    [ResourceName, Description("Addresses the route. Absent: route-<index>.")]
    public string Name { get; init; } = "";

    [Required, Description("Which requests.")]
    public RouteMatchConfig? Match { get; init; }

    [OneOf("action", Required = true), Description("Forward to a cluster.")]
    public RouteActionConfig? Route { get; init; }

    [OneOf("action", Required = true), Description("Answer with a redirect.")]
    public RedirectConfig? Redirect { get; init; }

    [OneOf("action", Required = true), Description("Answer from here.")]
    public DirectResponseConfig? DirectResponse { get; init; }

    [OneOf("action", Required = true), Description("No action of the router: for chains where a filter answers.")]
    public EmptyConfig? NonForwardingAction { get; init; }

    [ByteSize, Range(0L, 1L << 30), Description("Most of a request's body that is kept to be sent again, if that is less than the "
        + "listener's per_connection_buffer_limit_bytes.")]
    public long? PerRequestBufferLimitBytes { get; init; }

    [ByteSize, Range(0L, 1L << 30), Description("Most of a request's body that is kept to be sent again, whatever the listener says.")]
    public long? RequestBodyBufferLimit { get; init; }

    [Description("Free data for filters, by namespace, under filter_metadata.")]
    public MetadataConfig? Metadata { get; init; }

    [Description("Headers added to the request.")]
    public IReadOnlyList<HeaderValueOptionConfig> RequestHeadersToAdd { get; init; } = [];

    [Description("Headers removed from the request.")]
    public IReadOnlyList<string> RequestHeadersToRemove { get; init; } = [];

    [Description("Headers added to the response.")]
    public IReadOnlyList<HeaderValueOptionConfig> ResponseHeadersToAdd { get; init; } = [];

    [Description("Headers removed from the response.")]
    public IReadOnlyList<string> ResponseHeadersToRemove { get; init; } = [];

    [Description("Configuration of filters for this route, by filter name.")]
    public IReadOnlyDictionary<string, ConfigObject> TypedPerFilterConfig { get; init; } = new Dictionary<string, ConfigObject>();
}

[Description("Free data for filters.")]
[UnsupportedField("typed_filter_metadata", "use filter_metadata")]
public sealed record MetadataConfig : ConfigRecord
{
    [Description("By namespace, such as envoy.filters.http.lua.")]
    public IReadOnlyDictionary<string, ConfigObject> FilterMetadata { get; init; } = new Dictionary<string, ConfigObject>();

    /// <summary>What load balancing goes by.</summary>
    internal ConfigObject? LoadBalancing => FilterMetadata.GetValueOrDefault("envoy.lb");
}

[Description("Tests of a request; all must hold.")]
[UnsupportedField("path_match_policy tls_context dynamic_metadata filter_state cookies",
    "not available in this version")]
public sealed record RouteMatchConfig : ConfigRecord
{
    [OneOf("path_specifier", Required = true), Description("The path starts so.")]
    public string? Prefix { get; init; }

    [OneOf("path_specifier", Required = true), Description("The whole path, without the query.")]
    public string? Path { get; init; }

    [OneOf("path_specifier", Required = true), Description("The whole path, without the query, by expression.")]
    public RegexMatcherConfig? SafeRegex { get; init; }

    [OneOf("path_specifier", Required = true), Length(2, 4096),
        Description("The path, or whole segments of its start: /api matches /api and /api/x, not /apix.")]
    public string? PathSeparatedPrefix { get; init; }

    [OneOf("path_specifier", Required = true), Description("A CONNECT, which has no path; no other route matches one.")]
    public EmptyConfig? ConnectMatcher { get; init; }

    [Description("Whether case counts in the path.")]
    public bool CaseSensitive { get; init; } = true; // Envoy's default

    [Description("Tests of headers; the method is the header :method.")]
    public IReadOnlyList<HeaderMatcherConfig> Headers { get; init; } = [];

    [Description("Tests of query parameters.")]
    public IReadOnlyList<QueryParameterMatcherConfig> QueryParameters { get; init; } = [];

    [Description("Only gRPC: a content-type of application/grpc or application/grpc+…")]
    public EmptyConfig? Grpc { get; init; }

    [Description("Only this share of the requests.")]
    public RuntimeFractionConfig? RuntimeFraction { get; init; }
}

[Description("Answers with a redirect.")]
public sealed record RedirectConfig : ConfigRecord
{
    [OneOf("scheme_rewrite_specifier"), Description("Redirects to https.")]
    public bool? HttpsRedirect { get; init; }

    [OneOf("scheme_rewrite_specifier"), Description("Redirects to this scheme.")]
    public string? SchemeRedirect { get; init; }

    [Description("Redirects to this host.")]
    public string HostRedirect { get; init; } = "";

    [Range(0, 65535), Description("Redirects to this port; 0 keeps it.")]
    public int PortRedirect { get; init; }

    [OneOf("path_rewrite_specifier"), Description("The new path; with a query in it, that query.")]
    public string? PathRedirect { get; init; }

    [OneOf("path_rewrite_specifier"), Description("Replaces the matched prefix.")]
    public string? PrefixRewrite { get; init; }

    [OneOf("path_rewrite_specifier"), Description("Replaces what an expression finds in the path.")]
    public RegexRewriteConfig? RegexRewrite { get; init; }

    [Description("Status of the redirect.")]
    public RedirectResponseCode ResponseCode { get; init; } = RedirectResponseCode.MovedPermanently; // Envoy's default, 301

    [Description("Leaves the query out.")]
    public bool StripQuery { get; init; }
}

/// <summary>301, 302, 303, 307, 308.</summary>
public enum RedirectResponseCode { MovedPermanently, Found, SeeOther, TemporaryRedirect, PermanentRedirect }

[Description("Answers from here, without an upstream.")]
public sealed record DirectResponseConfig : ConfigRecord
{
    [Required, Range(200, 599), Description("Status.")]
    public int Status { get; init; }

    [Description("Body. Absent: none.")]
    public DataSourceConfig? Body { get; init; }

    [Description("Makes the body from a pattern; %LOCAL_REPLY_BODY% is the one above.")]
    public SubstitutionFormatConfig? BodyFormat { get; init; }
}
