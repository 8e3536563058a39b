using System.Buffers.Text;
using System.Globalization;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.GrpcStats;

/// <summary>Counts one call: messages as they go by, the outcome at its end.</summary>
internal sealed class GrpcStatsFilter(GrpcCallStats all, int worker) : HttpFilter
{
    public const string StateKey = "envoy.filters.http.grpc_stats";

    private MethodStats? _stats; // null: not gRPC, or to no cluster
    private MessageCounter _sent, _received;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        if (!GrpcStatus.IsGrpc(headers) || Stream.Route?.ResolveCluster(headers) is not { } cluster) return HeadersStatus.Continue;
        var path = headers.Get(HeaderId.Path);
        int query = path.IndexOf((byte)'?');
        _stats = all.Of(worker, cluster.Name, query < 0 ? path : path[..query]);
        return HeadersStatus.Continue;
    }

    public override BodyStatus OnRequestBody(ByteWriter body, bool endStream)
    {
        if (_stats is not { } stats) return BodyStatus.Continue;
        long before = _sent.Count;
        _sent.Take(body.Written);
        Stream.Worker.Stats.Add(stats.RequestMessages, _sent.Count - before);
        return BodyStatus.Continue;
    }

    public override BodyStatus OnResponseBody(ByteWriter body, bool endStream)
    {
        if (_stats is not { } stats) return BodyStatus.Continue;
        long before = _received.Count;
        _received.Take(body.Written);
        Stream.Worker.Stats.Add(stats.ResponseMessages, _received.Count - before);
        return BodyStatus.Continue;
    }

    public override void OnComplete()
    {
        if (_stats is not { } stats) return;
        var (cells, info) = (Stream.Worker.Stats, Stream.Info);
        if ((Find(info.ResponseTrailers) ?? Find(info.ResponseHeaders)) is { } status)
        {
            cells.Increment(stats.Total);
            cells.Increment(status == 0 ? stats.Success : stats.Failure);
            cells.Increment(stats.OfStatus(status));
        }
        else
        {
            // Ended without one: cut, or no answer of gRPC.
            cells.Increment(stats.Total);
            cells.Increment(stats.Failure);
        }
        if (all.Config.EnableUpstreamStats && info.UpstreamStart > 0) cells.Record(stats.UpstreamTime, info.EndTime - info.UpstreamStart);
        if (all.Config.EmitFilterState)
            info.TrySetState(StateKey, string.Create(CultureInfo.InvariantCulture, $"{_sent.Count},{_received.Count}"));
    }

    public override void OnDestroy()
    {
        _stats = null;
        _sent = _received = default;
    }

    private static int? Find(HeaderMap? map)
    {
        if (map is null || !map.Has(HeaderId.GrpcStatus)) return null;
        var text = map.Get(HeaderId.GrpcStatus);
        return Utf8Parser.TryParse(text, out int status, out int used) && used == text.Length ? status : null;
    }
}
