using Managed.Proxy.Configuration;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Http.Filters.HealthCheck;

/// <summary>What the filter was built with, and the answer that all workers remember.</summary>
internal sealed class HealthCheckSettings
{
    private const int StatusBits = 10;

    private readonly HeaderMatch[] _headers;
    private readonly (Cluster Cluster, double Percent)[] _clusters;
    private readonly long _cacheMicros;
    private long _remembered; // until when, in worker-clock microseconds, above the status

    private HealthCheckSettings(bool passThrough, long cacheMicros, HeaderMatch[] headers, (Cluster, double)[] clusters)
        => (PassThrough, _cacheMicros, _headers, _clusters) = (passThrough, cacheMicros, headers, clusters);

    public bool PassThrough { get; }

    /// <summary>Null with errors added.</summary>
    public static HealthCheckSettings? Build(HealthCheckConfig config, FilterBuildContext context)
    {
        int before = context.Errors.Count;
        bool passes = config.PassThroughMode == true;
        long cache = config.CacheTime is { } time ? (long)time.TotalMicroseconds : 0;
        if (!passes && cache > 0)
            context.Errors.ErrorAt(config.Node, "cache_time", ConfigCode.Conflict,
                "without pass_through_mode there is no answer to remember");
        if (passes && config.ClusterMinHealthyPercentages.Count > 0)
            context.Errors.WarningAt(config.Node, "cluster_min_healthy_percentages", ConfigCode.Conflict,
                "is not used: with pass_through_mode the service says how it is");
        var headers = HeaderMatch.CompileAll(config.Headers, context.Errors);
        var clusters = new List<(Cluster, double)>();
        foreach (var (name, percent) in config.ClusterMinHealthyPercentages)
            if (context.Clusters.TryGetValue(name, out var cluster)) clusters.Add((cluster, percent.Value));
            else if (!context.ClusterNames.Contains(name))
                context.Errors.Error(percent.Node, ConfigCode.UnknownReference, $"cluster '{name}' does not exist",
                    Suggestions.Hint(name, context.ClusterNames));
        return headers is null || context.Errors.Count > before ? null : new HealthCheckSettings(passes, cache, headers, [.. clusters]);
    }

    public bool IsCheck(Headers.HeaderMap headers) => HeaderMatch.AllMatch(_headers, headers);

    /// <summary>The status that was remembered; 0: none, or it is too old.</summary>
    public int Remembered(long nowMicros)
    {
        long kept = Volatile.Read(ref _remembered);
        return kept >> StatusBits > nowMicros ? (int)(kept & ((1 << StatusBits) - 1)) : 0;
    }

    public void Remember(int status, long nowMicros)
    {
        if (_cacheMicros > 0 && status is >= 200 and < 600)
            Volatile.Write(ref _remembered, ((nowMicros + _cacheMicros) << StatusBits) | (uint)status);
    }

    /// <summary>Whether every cluster has enough healthy endpoints; one without any has enough where 0 % are.</summary>
    public bool AreClustersHealthy()
    {
        foreach (var (cluster, percent) in _clusters)
        {
            var endpoints = cluster.Endpoints;
            int all = endpoints.All.Length;
            if (all == 0 ? percent > 0 : (endpoints.Healthy.Length + endpoints.DegradedCount) * 100d < percent * all) return false;
        }
        return true;
    }
}
