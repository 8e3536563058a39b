using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Router.RateLimits;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.RateLimit;

/// <summary>What the filter was built with.</summary>
internal sealed class RateLimitSettings
{
    private readonly Dictionary<string, RateLimitStats>?[] _stats = new Dictionary<string, RateLimitStats>?[WorkerContext.MaxWorkers];
    private readonly StatScope _scope;
    private readonly string _owner;

    private RateLimitSettings(RateLimitFilterConfig config, RateLimitPolicy limits, HeaderMutations headers, HeaderMutations metadata,
        FilterBuildContext context)
    {
        (Config, RateLimits, ResponseHeaders, Metadata) = (config, limits, headers, metadata);
        var grpc = config.RateLimitService!.GrpcService!;
        ClusterName = grpc.EnvoyGrpc!.ClusterName;
        Authority = grpc.EnvoyGrpc.Authority.Length > 0 ? grpc.EnvoyGrpc.Authority : ClusterName;
        TimeoutMicros = (long)config.Timeout.TotalMicroseconds;
        EnabledPerMillion = config.FilterEnabled?.DefaultValue?.PartsPerMillion ?? 1_000_000;
        EnforcedPerMillion = config.FilterEnforced?.DefaultValue?.PartsPerMillion ?? 1_000_000;
        (_scope, _owner) = (context.Stats, "ratelimit/" + context.Identity);
        context.Stats.Own(_owner);
    }

    public RateLimitFilterConfig Config { get; }
    public RateLimitPolicy RateLimits { get; }
    public HeaderMutations ResponseHeaders { get; }
    /// <summary>Of calls.</summary>
    public HeaderMutations Metadata { get; }
    public string ClusterName { get; }
    public string Authority { get; }
    public long TimeoutMicros { get; }
    public int EnabledPerMillion { get; }
    public int EnforcedPerMillion { get; }

    /// <summary>Null with errors added.</summary>
    public static RateLimitSettings? Build(RateLimitFilterConfig config, FilterBuildContext context)
    {
        var errors = context.Errors;
        int before = errors.Count;
        if (config.RequestType is not ("" or "internal" or "external" or "both"))
            errors.ErrorAt(config.Node, "request_type", ConfigCode.InvalidValue, $"'{config.RequestType}' is no kind of requests",
                "internal, external or both");
        var limits = RateLimitPolicy.Build(config.RateLimits, errors);
        var headers = HeaderMutations.Build(config.ResponseHeadersToAdd, [], errors, null);
        var grpc = config.RateLimitService!.GrpcService!;
        var metadata = HeaderMutations.Build([.. grpc.InitialMetadata.Select(h => new HeaderValueOptionConfig { Header = h })], [], errors,
            null);
        if (grpc.EnvoyGrpc is { } service && !context.ClusterNames.Contains(service.ClusterName))
            errors.ErrorAt(service.Node, "cluster_name", ConfigCode.UnknownReference, $"cluster '{service.ClusterName}' does not exist",
                Suggestions.Hint(service.ClusterName, context.ClusterNames));
        return errors.Count > before || limits is null ? null : new RateLimitSettings(config, limits, headers, metadata, context);
    }

    /// <summary>The counters of the cluster that a request goes to, under Envoy's <c>cluster.NAME.ratelimit.</c></summary>
    public RateLimitStats StatsOf(string cluster, int worker)
    {
        var all = _stats[worker] ??= [];
        if (!all.TryGetValue(cluster, out var stats))
            all.Add(cluster, stats = new RateLimitStats(_scope, _owner,
                $"cluster.{cluster}.ratelimit.{(Config.StatPrefix.Length > 0 ? Config.StatPrefix + "." : "")}"));
        return stats;
    }
}

/// <summary>What a route says.</summary>
internal sealed record RateLimitRoute(VirtualHostRateLimits Hosts, string Domain, RateLimitPolicy RateLimits);

/// <summary>Counters of one cluster.</summary>
internal sealed class RateLimitStats(StatScope scope, string owner, string prefix)
{
    public Counter Ok { get; } = Counter(scope, owner, prefix + "ok");
    public Counter Error { get; } = Counter(scope, owner, prefix + "error");
    public Counter OverLimit { get; } = Counter(scope, owner, prefix + "over_limit");
    public Counter FailureModeAllowed { get; } = Counter(scope, owner, prefix + "failure_mode_allowed");

    private static Counter Counter(StatScope scope, string owner, string name) => new(scope.Guest(StatKind.Counter, name, owner));
}
