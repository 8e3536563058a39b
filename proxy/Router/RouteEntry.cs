using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.Formatting;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.LoadBalancing;
using Managed.Proxy.Upstream.Retries;

namespace Managed.Proxy.Router;

/// <summary>
/// What a matched route says, with everything of its virtual host and route configuration merged in; each weighted cluster has its own.
/// Immutable, shared by all workers; its methods allocate nothing, but for regex rewrites with groups.
/// </summary>
public sealed partial class RouteEntry
{
    /// <summary>What <see cref="FilterConfig"/> gives when the filter is switched off here.</summary>
    public static object Disabled { get; } = new();
    /// <summary>
    /// What <see cref="FilterConfig"/> gives when a filter that is off by default is switched on here, with its own configuration.
    /// </summary>
    public static object Enabled { get; } = new();

    internal RouteEntry() { }

    /// <summary>May be empty.</summary>
    public string Name { get; internal init; } = "";
    public string VirtualHostName { get; internal init; } = "";
    public string RouteConfigurationName { get; internal init; } = "";
    public RouteKind Kind { get; internal init; }

    /// <summary>Of the route, whichever of its weighted clusters this is; null for the redirect of require_tls.</summary>
    internal RouteCounts? Counts { get; set; }

    /// <summary>Null unless <see cref="Kind"/> is Route and the cluster is named in the configuration.</summary>
    public Cluster? Cluster { get; internal init; }
    /// <summary>The cluster's name when it is named in the configuration; null for cluster_header.</summary>
    public string? ClusterName => Cluster?.Name;
    /// <summary>Status when <see cref="ResolveCluster"/> finds none.</summary>
    public int ClusterNotFoundStatus { get; internal init; } = 503; // Envoy's default

    /// <summary>From the end of the request to the end of the response; 0 is off.</summary>
    public long TimeoutMicros { get; internal init; }
    /// <summary>-1: as the connection manager says; 0 is off.</summary>
    public long IdleTimeoutMicros { get; internal init; } = -1;
    /// <summary>-1: as the connection manager says; 0 is off.</summary>
    public long MaxStreamDurationMicros { get; internal init; } = -1;

    /// <summary>The host becomes the chosen endpoint's name: call <see cref="RewriteHost"/> once it is known.</summary>
    public bool AutoHostRewrite { get; internal init; }

    public int RedirectStatus => Redirect?.Status ?? 0;
    public int DirectStatus => Direct?.Status ?? 0;
    /// <summary>The configured body before any body_format; see <see cref="WriteDirectBody"/>.</summary>
    public ReadOnlyMemory<byte> DirectBody => Direct?.Body ?? default;
    /// <summary>Content type that the body_format asks for; empty when there is none.</summary>
    public ReadOnlySpan<byte> DirectContentType => Direct?.ContentType;

    public bool HasFilterConfigs => Filters.Any;

    /// <summary>The route's filter_metadata, by namespace; null when it has none.</summary>
    internal IReadOnlyDictionary<string, Configuration.ConfigObject>? Metadata { get; init; }
    /// <summary>Likewise its virtual host's.</summary>
    internal IReadOnlyDictionary<string, Configuration.ConfigObject>? VirtualHostMetadata { get; init; }
    internal PathMatch? Match { get; init; }
    internal PathRewrite? Path { get; init; }
    internal HostRewrite? Host { get; init; }
    internal bool AppendForwardedHost { get; init; }
    internal RedirectAction? Redirect { get; init; }
    internal DirectResponseAction? Direct { get; init; }
    /// <summary>In the order in which they apply.</summary>
    internal HeaderMutations[] RequestMutations { get; init; } = [];
    internal HeaderMutations[] ResponseMutations { get; init; } = [];
    /// <summary>What rate limits count by; likewise of its virtual host, and whether both count.</summary>
    internal RateLimits.RateLimitPolicy RateLimits { get; init; } = Router.RateLimits.RateLimitPolicy.None;
    internal RateLimits.RateLimitPolicy VirtualHostRateLimits { get; init; } = Router.RateLimits.RateLimitPolicy.None;
    internal bool IncludesVirtualHostRateLimits { get; init; }
    internal RouteFilters Filters { get; init; } = RouteFilters.None;
    /// <summary>What the older fields of route and virtual host say, the route's first.</summary>
    internal CorsPolicy[] Cors { get; init; } = [];
    internal HeaderName? ClusterHeader { get; init; }
    /// <summary>The clusters of the same version, for <see cref="ClusterHeader"/>.</summary>
    internal Dictionary<byte[], Cluster>? ClustersByName { get; init; }
    internal (byte[] Type, bool Enabled)[] Upgrades { get; init; } = [];
    /// <summary>A CONNECT ends here: its bytes go to the endpoint as they are.</summary>
    internal bool EndsConnect { get; init; }
    /// <summary>The route's retry policy, else its virtual host's; null: none.</summary>
    internal RetryPolicy? Retries { get; init; }
    /// <summary>Whether several attempts of a request are made at a time, the route's policy or its virtual host's; null: not.</summary>
    internal HedgePolicy? Hedging { get; init; }
    /// <summary>What the metadata of a request's endpoint have to be; null: anything.</summary>
    internal SubsetCriteria? Criteria { get; init; }
    /// <summary>Redirects of its upstream that are followed here; null: none.</summary>
    internal InternalRedirectPolicy? InternalRedirects { get; init; }
    /// <summary>Where copies of its requests go.</summary>
    internal MirrorPolicy[] Mirrors { get; init; } = [];
    /// <summary>What the hash of a request is made of.</summary>
    internal HashPolicy[] Hashes { get; init; } = [];
    /// <summary>Whether the upstream is told the number of the attempt, and whether the one before took too long.</summary>
    internal bool TellsAttempt { get; init; }
    internal bool TellsTimeoutRetry { get; init; }
    internal bool TellsAttemptsInResponse { get; init; }
    /// <summary>request_body_buffer_limit, and per_request_buffer_limit_bytes; -1: as the listener says.</summary>
    internal long BodyBytes { get; init; } = -1;
    internal long RequestBytes { get; init; } = -1;

    /// <summary>Most of a request's body that is kept to be sent again, where a listener's connections may have so much.</summary>
    internal long RetryBytesOf(int listenerLimit)
        => BodyBytes >= 0 ? BodyBytes : RequestBytes >= 0 ? Math.Min(RequestBytes, listenerLimit) : listenerLimit;

    /// <summary>
    /// The cluster of this request; null when the header is missing or names none: answer with <see cref="ClusterNotFoundStatus"/>.
    /// </summary>
    public Cluster? ResolveCluster(HeaderMap request)
    {
        if (ClusterHeader is not { } header) return Cluster;
        return header.TryGet(request, out var name)
            && ClustersByName!.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(name, out var cluster) ? cluster : null;
    }

    /// <summary>What the route says on an upgrade such as <c>websocket</c> (any case); null: as the connection manager says.</summary>
    public bool? UpgradeEnabled(ReadOnlySpan<byte> upgradeType)
    {
        foreach (var (type, enabled) in Upgrades)
            if (Ascii.EqualsIgnoreCase(upgradeType, type)) return enabled;
        return null;
    }

    /// <summary>
    /// The built configuration of a filter: weighted cluster, else route, else virtual host, else route configuration. May be
    /// <see cref="Disabled"/> or <see cref="Enabled"/>.
    /// </summary>
    public object? FilterConfig(string filterName) => Filters.Find(filterName) is [var first, ..] ? first : null;

    /// <summary>All levels, the most specific first; for filters that merge them.</summary>
    public ReadOnlySpan<object> FilterConfigs(string filterName) => Filters.Find(filterName);

    /// <summary>The location header of a redirect; safe as a header value.</summary>
    public void WriteLocation(HeaderMap request, ByteWriter location) => Redirect?.Write(request, Match, location);

    /// <summary>The body of a direct response, after its body_format.</summary>
    public void WriteDirectBody(StreamInfo info, ByteWriter body) => Direct?.Write(info, body);
}
