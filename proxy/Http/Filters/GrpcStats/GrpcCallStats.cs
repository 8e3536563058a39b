using System.Text;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http.Filters.GrpcStats;

/// <summary>The counters of one filter, made when a call of a cluster or method first comes; each worker finds them for itself.</summary>
internal sealed class GrpcCallStats
{
    // Names come from clients.
    private const int MostMethods = 1000;

    private readonly Dictionary<string, Dictionary<byte[], MethodStats>>?[] _workers =
        new Dictionary<string, Dictionary<byte[], MethodStats>>?[WorkerContext.MaxWorkers];
    private readonly HashSet<byte[]>? _listed;
    private readonly StatScope _scope;
    private readonly string _owner;

    /// <param name="config">What to count.</param>
    /// <param name="scope">Of the version.</param>
    /// <param name="owner">What has counted in the version before goes on under it.</param>
    public GrpcCallStats(GrpcStatsConfig config, StatScope scope, string owner)
    {
        (Config, _scope, _owner) = (config, scope, owner);
        scope.Own(owner);
        if (config.IndividualMethodStatsAllowlist is { } list)
            _listed = new(list.Services.SelectMany(s => s.MethodNames.Select(m => Encoding.ASCII.GetBytes($"/{s.Name}/{m}"))),
                ByteKeys.Comparer);
    }

    public GrpcStatsConfig Config { get; }

    /// <param name="worker">Who asks.</param>
    /// <param name="cluster">Where the call goes.</param>
    /// <param name="path"><c>/package.Service/Method</c>, without a query.</param>
    public MethodStats Of(int worker, string cluster, ReadOnlySpan<byte> path)
    {
        var clusters = _workers[worker] ??= [];
        if (!clusters.TryGetValue(cluster, out var methods)) clusters.Add(cluster, methods = new(ByteKeys.Comparer));
        if (!IsNamed(path)) path = default;
        var byPath = methods.GetAlternateLookup<ReadOnlySpan<byte>>();
        if (byPath.TryGetValue(path, out var found)) return found;
        if (methods.Count > MostMethods && byPath.TryGetValue(default, out found)) return found;
        byte[] key = methods.Count > MostMethods ? [] : path.ToArray();
        var made = new MethodStats(_scope, _owner, $"cluster.{cluster}.grpc.{NameOf(key)}", Config.EnableUpstreamStats);
        methods.Add(key, made);
        return made;
    }

    private bool IsNamed(ReadOnlySpan<byte> path)
    {
        if (_listed is { } listed) return listed.GetAlternateLookup<ReadOnlySpan<byte>>().Contains(path);
        return Config.StatsForAllMethods == true && Split(path) > 0;
    }

    // Two names and nothing else; what could not stand in a statistic's name is none.
    private static int Split(ReadOnlySpan<byte> path)
    {
        if (path.Length is < 4 or > 256 || path[0] != '/' || path[1..].ContainsAnyExcept(NameBytes)) return 0;
        int at = path[1..].IndexOf((byte)'/') + 1;
        return at > 1 && at < path.Length - 1 && !path[(at + 1)..].Contains((byte)'/') ? at : 0;
    }

    private static readonly System.Buffers.SearchValues<byte> NameBytes = System.Buffers.SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/"u8);

    private string NameOf(byte[] path)
    {
        if (path.Length == 0) return "";
        int at = path.AsSpan(1).IndexOf((byte)'/') + 1;
        string service = Encoding.ASCII.GetString(path, 1, at - 1), method = Encoding.ASCII.GetString(path.AsSpan(at + 1));
        return $"{(Config.ReplaceDotsInGrpcServiceName ? service.Replace('.', '_') : service)}.{method}.";
    }
}

/// <summary>Of one method, or of all together.</summary>
internal sealed class MethodStats(StatScope scope, string owner, string prefix, bool upstream)
{
    private readonly Counter[] _byStatus = new Counter[17];

    public Counter Total { get; } = Counter(scope, owner, prefix + "total");
    public Counter Success { get; } = Counter(scope, owner, prefix + "success");
    public Counter Failure { get; } = Counter(scope, owner, prefix + "failure");
    public Counter RequestMessages { get; } = Counter(scope, owner, prefix + "request_message_count");
    public Counter ResponseMessages { get; } = Counter(scope, owner, prefix + "response_message_count");
    public Histogram UpstreamTime { get; } = upstream ? new(scope.Guest(StatKind.Histogram, prefix + "upstream_rq_time", owner)) : default;

    /// <summary>The counter of a status, made when it first occurs; those that gRPC does not have count nowhere.</summary>
    public Counter OfStatus(int status)
    {
        if (status < 0 || status >= _byStatus.Length) return default;
        ref var counter = ref _byStatus[status];
        if (counter.Index == 0) counter = Counter(scope, owner, FormattableString.Invariant($"{prefix}{status}"));
        return counter;
    }

    private static Counter Counter(StatScope scope, string owner, string name) => new(scope.Guest(StatKind.Counter, name, owner));
}
