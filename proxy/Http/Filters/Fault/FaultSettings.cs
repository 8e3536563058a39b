using System.Buffers.Text;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Http.Filters.Fault;

/// <summary>What the filter, or a route's entry for it, was built with.</summary>
internal sealed class FaultSettings
{
    public required FaultConfig Config { get; init; }
    public required HeaderMatch[] Headers { get; init; }

    /// <summary>Null when errors were added.</summary>
    public static FaultSettings? Build(FaultConfig config, FilterBuildContext context)
    {
        if (HeaderMatch.CompileAll(config.Headers, context.Errors) is not { } headers) return null;
        if (config.UpstreamCluster.Length > 0) context.Errors.Host.Asked++; // what is said of it depends on the other clusters
        if (config.UpstreamCluster.Length > 0 && !context.ClusterNames.Contains(config.UpstreamCluster))
            context.Errors.WarningAt(config.Node, "upstream_cluster", Configuration.ConfigCode.UnknownReference,
                $"cluster '{config.UpstreamCluster}' does not exist, so this never applies",
                    Configuration.Suggestions.Hint(config.UpstreamCluster, context.ClusterNames));
        return new FaultSettings { Config = config, Headers = headers };
    }

    /// <summary>The delay this request gets; 0: none.</summary>
    public long DelayMicros(HeaderMap request, ulong random)
    {
        if (Config.Delay is not { } delay) return 0;
        if (delay.FixedDelay is { } time) return Hits(delay.Percentage, null, random) ? time.Ticks / TimeSpan.TicksPerMicrosecond : 0;
        if (!TryNumber(request, "x-envoy-fault-delay-request"u8, out uint milliseconds)) return 0;
        uint? share = TryNumber(request, "x-envoy-fault-delay-request-percentage"u8, out uint asked) ? asked : null;
        return Hits(delay.Percentage, share, random) ? milliseconds * 1000L : 0;
    }

    /// <summary>The abort this request gets: an HTTP status, or a gRPC status, or neither.</summary>
    public (int? Http, int? Grpc) Abort(HeaderMap request, ulong random)
    {
        if (Config.Abort is not { } abort) return default;
        if (abort.HeaderAbort is null) return Hits(abort.Percentage, null, random) ? (abort.HttpStatus, abort.GrpcStatus) : default;
        uint? share = TryNumber(request, "x-envoy-fault-abort-request-percentage"u8, out uint asked) ? asked : null;
        if (!Hits(abort.Percentage, share, random)) return default;
        if (TryNumber(request, "x-envoy-fault-abort-request"u8, out uint http) && http is >= 200 and < 600) return ((int)http, null);
        return TryNumber(request, "x-envoy-fault-abort-grpc-request"u8, out uint grpc) && grpc <= 16 ? (null, (int)grpc) : default;
    }

    // The header can only lower the share; it counts in the denominator of the configuration.
    private static bool Hits(FractionalPercentConfig? share, uint? asked, ulong random)
    {
        if (share is null) return false;
        if (asked is { } lower && lower < share.Numerator) share = share with { Numerator = (int)lower };
        return random % 1_000_000 < (ulong)share.PartsPerMillion;
    }

    private static bool TryNumber(HeaderMap headers, ReadOnlySpan<byte> name, out uint number)
    {
        number = 0;
        return headers.TryGet(name, out var value) && Utf8Parser.TryParse(value, out number, out int used) && used == value.Length;
    }
}
