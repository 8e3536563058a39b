using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Router.RateLimits;
using Managed.Proxy.Streams.Formatting;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.LoadBalancing;
using Managed.Proxy.Upstream.Retries;

namespace Managed.Proxy.Router;

/// <summary>
/// What a route inherits: names, filters and header changes of the table and the virtual host, and the clusters of the version.
/// </summary>
internal sealed record RouteScope(
    RouteConfigurationConfig Table, string VirtualHost, RouteFilters Filters, Level[] Levels,
        Lazy<Dictionary<byte[], Cluster>> ClustersByName, RouteBuildContext Context)
{
    public IReadOnlyDictionary<string, ConfigObject>? VirtualHostMetadata { get; init; }
    public VirtualHostConfig? Host { get; init; }
    /// <summary>The virtual host of this name in the version before, whatever has changed: its routes' counts go on.</summary>
    public VirtualHost? Counted { get; init; }
    public RetryPolicy? Retries { get; init; }
    public MirrorPolicy[] Mirrors { get; init; } = [];
    public CorsPolicy[] Cors { get; init; } = [];
    public RateLimitPolicy RateLimits { get; init; } = RateLimitPolicy.None;
}

/// <summary>The header changes of one level.</summary>
internal sealed record Level(HeaderMutations Request, HeaderMutations Response);

/// <summary>Makes route entries of a route's configuration: one, or one for each weighted cluster.</summary>
internal sealed class RouteEntryBuilder(RouteScope scope, RouteConfig config, string label, PathMatch match)
{
    private readonly ConfigErrors _errors = scope.Context.Errors;
    private readonly RetryPolicy? _retries = config.Route?.RetryPolicy is { } own
        ? RetryPolicyBuilder.Build(own, scope.Context.Errors) : scope.Retries;
    private readonly MirrorPolicy[] _mirrors = MirrorPolicy.Build(config.Route?.RequestMirrorPolicies ?? [], scope.Context,
        scope.ClustersByName) is { Length: > 0 } own ? own : scope.Mirrors;
    private readonly InternalRedirectPolicy? _redirects = InternalRedirectPolicy.Build(config.Route?.InternalRedirectPolicy,
        scope.Context.Errors);
    private readonly HashPolicy[] _hashes = HashPolicy.Compile(config.Route?.HashPolicy ?? [], scope.Context.Errors);
    private CorsPolicy[] _cors = scope.Cors;
    private RateLimitPolicy _rateLimits = RateLimitPolicy.None;

    /// <summary>Null when errors were added.</summary>
    public IReadOnlyList<(RouteEntry Entry, uint Weight)>? Build()
    {
        var filters = scope.Filters.With(config.TypedPerFilterConfig, scope.Context, $"{scope.Table.Name}/{scope.VirtualHost}/{label}");
        var level = new Level(
            HeaderMutations.Build(config.RequestHeadersToAdd, config.RequestHeadersToRemove, _errors,
                Place.Of(config, "request_headers_to_remove")),
            HeaderMutations.Build(config.ResponseHeadersToAdd, config.ResponseHeadersToRemove, _errors,
                Place.Of(config, "response_headers_to_remove")));
        Level[] levels = [level, .. scope.Levels];
        switch (config)
        {
            case { Route: { } action }: return Forward(action, filters, levels);
            case { Redirect: { } redirect }:
                return RedirectAction.Compile(redirect, _errors) is { } compiled
                    ? [(Create(RouteKind.Redirect, filters, levels, redirect: compiled), 1)] : null;
            case { DirectResponse: { } direct }:
                return DirectResponseAction.Compile(direct, scope.Table.MaxDirectResponseBodySizeBytes, _errors) is { } answer
                    ? [(Create(RouteKind.DirectResponse, filters, levels, direct: answer), 1)] : null;
            case { NonForwardingAction: not null }: return [(Create(RouteKind.NonForwarding, filters, levels), 1)];
            default: return null;
        }
    }

    private List<(RouteEntry, uint)>? Forward(RouteActionConfig action, RouteFilters filters, Level[] levels)
    {
        bool rewritesPath = !string.IsNullOrEmpty(action.PrefixRewrite) || action.RegexRewrite is not null;
        bool rewritesHost = !string.IsNullOrEmpty(action.HostRewriteLiteral) || !string.IsNullOrEmpty(action.HostRewriteHeader)
            || action.HostRewritePathRegex is not null;
        var path = PathRewrite.Compile(action.PrefixRewrite, action.RegexRewrite, _errors, action.Node);
        var host = HostRewrite.Compile(action, _errors);
        bool valid = (path is not null || !rewritesPath) && (host is not null || !rewritesHost);
        if (action.Cors is { } policy)
        {
            if (CorsPolicy.Build(policy, _errors) is { } cors) _cors = [cors, .. scope.Cors]; else valid = false;
        }

        if (RateLimitPolicy.Build(action.RateLimits, _errors) is { } limits) _rateLimits = limits; else valid = false;

        if (action.WeightedClusters is { } weighted)
            return Weighted(action, weighted, filters, levels, path, host) is { } entries && valid ? entries : null;
        if (action.ClusterHeader is { } header)
        {
            if (HeaderName.IsValid(header)) return valid
                ? [(Create(RouteKind.Route, filters, levels, action, path: path, host: host, clusterHeader: new HeaderName(header)), 1)]
                : null;
            _errors.ErrorAt(action.Node, "cluster_header", ConfigCode.InvalidValue, $"'{header}' is not a header name");
            return null;
        }
        if (action.Cluster is null || Cluster(action.Cluster, Place.Of(action, "cluster")) is not { } cluster || !valid) return null;
        return [(Create(RouteKind.Route, filters, levels, action, cluster, path, host), 1)];
    }

    private List<(RouteEntry, uint)>? Weighted(RouteActionConfig action, WeightedClustersConfig config, RouteFilters filters,
        Level[] levels, PathRewrite? path, HostRewrite? host)
    {
        var entries = new List<(RouteEntry, uint)>();
        ulong total = 0;
        bool valid = true;
        foreach (var item in config.Clusters)
        {
            total += item.Weight;
            var level = new Level(
                HeaderMutations.Build(item.RequestHeadersToAdd, item.RequestHeadersToRemove, _errors,
                    Place.Of(item, "request_headers_to_remove")),
                HeaderMutations.Build(item.ResponseHeadersToAdd, item.ResponseHeadersToRemove, _errors,
                    Place.Of(item, "response_headers_to_remove")));
            var itemHost = item.HostRewriteLiteral.Length == 0 ? host : HostRewrite.Literal(item.HostRewriteLiteral, _errors, item.Node);
            var itemFilters = filters.With(item.TypedPerFilterConfig, scope.Context,
                $"{scope.Table.Name}/{scope.VirtualHost}/{label}/{item.Name}");
            if (Cluster(item.Name, Place.Of(item, "name")) is not { } cluster) valid = false;
            else if (item.Weight > 0)
                entries.Add((Create(RouteKind.Route, itemFilters, [level, .. levels], action, cluster, path, itemHost,
                    metadata: item.MetadataMatch), item.Weight));
        }
        if (config.Clusters.Count == 0) return null;
        string? wrong = total switch
        {
            0 => "the weights must add up to more than 0",
            > uint.MaxValue => $"the weights add up to {total}, more than {uint.MaxValue}",
            _ when config.TotalWeight is { } stated && stated != total => $"the weights add up to {total}, not to total_weight {stated}",
            _ => null,
        };
        if (wrong is not null) _errors.Error(config.Node, ConfigCode.InvalidValue, wrong);
        return wrong is null && valid ? entries : null;
    }

    private Cluster? Cluster(string name, ConfigNode? at)
    {
        if (name.Length == 0) return null; // the binder has said so
        if (scope.Context.Clusters.TryGetValue(name, out var cluster)) return cluster;
        _errors.Error(at, ConfigCode.UnknownReference, $"cluster '{name}' does not exist",
            _errors.IsFull ? null : Suggestions.Hint(name, scope.Context.Clusters.Keys));
        return null;
    }

    private RouteEntry Create(RouteKind kind, RouteFilters filters, Level[] levels, RouteActionConfig? action = null,
        Cluster? cluster = null, PathRewrite? path = null,
        HostRewrite? host = null, HeaderName? clusterHeader = null, RedirectAction? redirect = null, DirectResponseAction? direct = null,
        MetadataConfig? metadata = null)
    {
        // Envoy applies the most specific level first, so that the least specific wins; the flag turns that round.
        var ordered = scope.Table.MostSpecificHeaderMutationsWins ? levels.Reverse().ToArray() : levels;
        return new RouteEntry
        {
            Name = config.Name,
            Metadata = config.Metadata?.FilterMetadata,
            VirtualHostMetadata = scope.VirtualHostMetadata,
            VirtualHostName = scope.VirtualHost,
            RouteConfigurationName = scope.Table.Name,
            Kind = kind,
            Match = match,
            Cluster = cluster,
            ClusterHeader = clusterHeader,
            ClustersByName = clusterHeader is null && !Array.Exists(_mirrors, m => m.NamesByHeader) ? null : scope.ClustersByName.Value,
            ClusterNotFoundStatus = action?.ClusterNotFoundResponseCode switch
            {
                ClusterNotFoundResponseCode.NotFound => 404,
                ClusterNotFoundResponseCode.InternalServerError => 500,
                _ => 503,
            },
            // As in Envoy the default does not hold with the newer setting, which long streams need; what is written down does.
            TimeoutMicros = action?.MaxStreamDuration is null || action.Node is ConfigObject node && node.Has("timeout")
                ? Micros(action?.Timeout) ?? 0 : 0,
            IdleTimeoutMicros = Micros(action?.IdleTimeout) ?? -1,
            MaxStreamDurationMicros = Micros(action?.MaxStreamDuration?.MaxStreamDuration) ?? -1,
            GrpcHeaderMaxMicros = Micros(action?.MaxStreamDuration?.GrpcTimeoutHeaderMax) ?? -1,
            GrpcHeaderOffsetMicros = Micros(action?.MaxStreamDuration?.GrpcTimeoutHeaderOffset) ?? 0,
            MaxGrpcTimeoutMicros = action?.MaxStreamDuration is null ? Micros(action?.MaxGrpcTimeout) ?? -1 : -1,
            GrpcTimeoutOffsetMicros = Micros(action?.GrpcTimeoutOffset) ?? 0,
            AutoHostRewrite = action?.AutoHostRewrite == true && host is null,
            AppendForwardedHost = action?.AppendXForwardedHost == true,
            EndsConnect = EndsConnect(action),
            Upgrades = action is null ? [] : [.. action.UpgradeConfigs.Select(u => (Encoding.ASCII.GetBytes(u.UpgradeType), u.Enabled))],
            Retries = _retries,
            Hedging = action is null ? null : HedgePolicy.Build(action.HedgePolicy ?? scope.Host?.HedgePolicy),
            Hashes = _hashes,
            InternalRedirects = _redirects,
            Mirrors = _mirrors,
            Criteria = SubsetCriteria.Of(action?.MetadataMatch?.LoadBalancing, metadata?.LoadBalancing),
            TellsAttempt = scope.Host?.IncludeRequestAttemptCount == true,
            TellsTimeoutRetry = scope.Host?.IncludeIsTimeoutRetryHeader == true,
            TellsAttemptsInResponse = scope.Host?.IncludeAttemptCountInResponse == true,
            BodyBytes = config.RequestBodyBufferLimit ?? scope.Host?.RequestBodyBufferLimit ?? -1,
            RequestBytes = config.PerRequestBufferLimitBytes ?? scope.Host?.PerRequestBufferLimitBytes ?? -1,
            Path = path,
            Host = host,
            Redirect = redirect,
            Direct = direct,
            RequestMutations = [.. ordered.Select(l => l.Request).Where(m => !m.IsEmpty)],
            ResponseMutations = [.. ordered.Select(l => l.Response).Where(m => !m.IsEmpty)],
            Filters = filters,
            RateLimits = _rateLimits,
            VirtualHostRateLimits = scope.RateLimits,
            IncludesVirtualHostRateLimits = action?.IncludeVhRateLimits == true,
            Cors = _cors,
        };
    }

    private static long? Micros(TimeSpan? time) => time is { } t ? t.Ticks / TimeSpan.TicksPerMicrosecond : null;

    private bool EndsConnect(RouteActionConfig? action)
    {
        foreach (var upgrade in action?.UpgradeConfigs ?? [])
            if (upgrade.ConnectConfig is { } ends)
            {
                if (Ascii.EqualsIgnoreCase(upgrade.UpgradeType, "CONNECT")) return true;
                _errors.Error(ends.Node, ConfigCode.Conflict, $"connect_config is for CONNECT, not for '{upgrade.UpgradeType}'");
            }
        return false;
    }
}
