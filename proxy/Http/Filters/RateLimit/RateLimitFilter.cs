using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Calls;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Router.RateLimits;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.RateLimit;

/// <summary>
/// Holds a request while the service is asked about its descriptors; a request without any is not asked about. Whatever becomes of the
/// service, the request goes on or is refused within the time-out.
/// </summary>
internal sealed class RateLimitFilter(RateLimitSettings settings) : HttpFilter
{
    private const string Space = "envoy.filters.http.ratelimit";

    private readonly DescriptorList _descriptors = new();
    private readonly HeaderMap _limits = new(), _answers = new();
    private HttpCall? _call;
    private RateLimitStats? _stats;
    private bool _refused;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        var worker = Stream.Worker;
        if (!Hits(settings.EnabledPerMillion, worker) || !IsFor(headers)) return HeadersStatus.Continue;
        var route = Stream.Route;
        if (route?.ResolveCluster(headers) is not { } target) return HeadersStatus.Continue;
        var says = RouteConfig<RateLimitRoute>();
        var own = says is { RateLimits.IsEmpty: false } ? says.RateLimits : settings.RateLimits;
        RateLimitLevels.Fill(route, own, says?.Hosts ?? VirtualHostRateLimits.Override, settings.Config.Stage,
            new RateLimitSubject(headers, Stream.Info, target.Name, route.Metadata), _descriptors);
        if (_descriptors.Count == 0) return HeadersStatus.Continue;
        _stats = settings.StatsOf(target.Name, worker.Id);
        var call = _call = new HttpCall(worker, static c => ((RateLimitFilter)c.Tag!).OnAnswer(c)) { Tag = this, NeedsHttp2 = true };
        GrpcUnary.Begin(call, settings.Authority, RateLimitMessages.Path, settings.TimeoutMicros, worker);
        settings.Metadata.Apply(call.Request, Stream.Info, worker.Scratch);
        RateLimitMessages.Write(call.RequestBody, says is { Domain.Length: > 0 } ? says.Domain : settings.Config.Domain, _descriptors);
        GrpcUnary.End(call);
        if (Stream.Generation.Clusters.TryGetValue(settings.ClusterName, out var service)) call.Start(service, settings.TimeoutMicros);
        else call.Fail("the cluster is gone");
        return HeadersStatus.StopAllIterationAndWatermark;
    }

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        if (!_refused) Add(_answers, headers);
        Add(_limits, headers);
        return HeadersStatus.Continue;
    }

    public override void OnDestroy()
    {
        _call?.Cancel();
        _call = null;
        _stats = null;
        _refused = false;
        _descriptors.Clear();
        _limits.Shrink();
        _answers.Shrink();
    }

    private bool IsFor(HeaderMap headers) => settings.Config.RequestType switch
    {
        "internal" => headers.Has(HeaderId.XEnvoyInternal),
        "external" => !headers.Has(HeaderId.XEnvoyInternal),
        _ => true,
    };

    private void OnAnswer(HttpCall call)
    {
        _call = null;
        var (cells, stats) = (Stream.Worker.Stats, _stats!);
        if (GrpcUnary.Read(call, out var message) != 0)
        {
            cells.Increment(stats.Error);
            if (settings.Config.FailureModeDeny)
            {
                Stream.SendLocalReply(settings.Config.StatusOnError?.Code ?? 500, default, "rate_limiter_error");
                return;
            }
            cells.Increment(stats.FailureModeAllowed);
            ContinueRequest();
            return;
        }
        bool over = ProtoReader.Number(message, 1, 0) == RateLimitMessages.OverLimit;
        ReadOnlySpan<byte> body = default;
        var rest = message;
        while (!rest.IsEmpty && ProtoReader.TryNext(ref rest, out int field, out var bytes, out _))
        {
            if (field == 3) RateLimitMessages.AddHeader(bytes, _answers);
            else if (field == 4 && !over) RateLimitMessages.AddHeader(bytes, Stream.RequestHeaders);
            else if (field == 5) body = bytes;
            else if (field == 6 && ProtoValue.TryReadStruct(bytes, out var values))
                foreach (var (key, value) in values) Stream.Info.MetadataOf(Space)[key] = value;
        }
        if (settings.Config.EnableXRatelimitHeaders != RateLimitHeadersVersion.Off)
            RateLimitMessages.WriteLimits(message, _limits, Stream.Worker.Scratch);
        cells.Increment(over ? stats.OverLimit : stats.Ok);
        if (over && Hits(settings.EnforcedPerMillion, Stream.Worker))
        {
            _refused = true;
            Stream.SendLocalReply(settings.Config.RateLimitedStatus?.Code ?? 429, body, "request_rate_limited", ResponseFlags.RateLimited,
                static (response, filter) => ((RateLimitFilter)filter!).Decorate(response), this);
        }
        else ContinueRequest();
    }

    private void Decorate(HeaderMap response)
    {
        Add(_answers, response);
        settings.ResponseHeaders.Apply(response, Stream.Info, Stream.Worker.Scratch);
        if (!settings.Config.DisableXEnvoyRatelimitedHeader) response.Set("x-envoy-ratelimited"u8, "true"u8);
        if (GrpcStatus.IsGrpc(Stream.RequestHeaders))
            response.Set(HeaderId.GrpcStatus, settings.Config.RateLimitedAsResourceExhausted ? "8"u8 : "14"u8);
    }

    private static void Add(HeaderMap from, HeaderMap to)
    {
        int cursor = 0;
        while (from.Next(ref cursor, out ReadOnlySpan<byte> name, out var value)) to.Add(name, value);
    }

    private static bool Hits(int partsPerMillion, WorkerContext worker)
        => partsPerMillion >= 1_000_000 || (partsPerMillion > 0 && worker.NextRandom() % 1_000_000 < (ulong)partsPerMillion);
}
