using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Router.Trees;

namespace Managed.Proxy.Http.Filters.CustomResponse;

/// <summary>Replaces responses by those that its matchers find.</summary>
internal sealed class CustomResponseFilter(MatchTree<ResponsePolicy>? own, CustomResponseStats stats) : HttpFilter
{
    private readonly ByteWriter _body = new(0);
    private LocalResponse? _chosen;
    private bool _cameBy;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        _cameBy = true;
        return HeadersStatus.Continue;
    }

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        if (Stream.Replaces is { } by)
        {
            if (by is ElsewhereResponse came && Stream.Info.ResponseCode is >= 200 and <= 299) Change(headers, came);
            return HeadersStatus.Continue;
        }
        // Its own reply comes by here too, where it took the place of another reply.
        if (_chosen is not null || Stream.Info.ResponseCode == 101) return HeadersStatus.Continue;
        switch (Find())
        {
            case LocalResponse local:
                Reply(headers, local);
                return HeadersStatus.StopIteration;
            case ElsewhereResponse elsewhere when _cameBy: // as in Envoy: otherwise what filters before it have said is not asked again
                return Ask(elsewhere) ? HeadersStatus.StopIteration : HeadersStatus.Continue;
            default:
                return HeadersStatus.Continue;
        }
    }

    private bool Ask(ElsewhereResponse elsewhere)
    {
        var result = Stream.AskElsewhere(elsewhere, elsewhere.UriOf(Stream.RequestHeaders, Stream.Worker.Scratch), elsewhere.Additions);
        if (result == HttpStream.ElsewhereResult.NoRoute) Stream.Worker.Stats.Increment(stats.NoRoute);
        else if (result == HttpStream.ElsewhereResult.NoUri) Stream.Worker.Stats.Increment(stats.NoUri);
        return result == HttpStream.ElsewhereResult.Begun;
    }

    private void Change(HeaderMap headers, ElsewhereResponse policy)
    {
        var scratch = Stream.Worker.Scratch;
        policy.Headers.Apply(headers, Stream.Info, scratch);
        if (policy.Status is not { } status) return;
        scratch.Clear();
        scratch.Write((long)status);
        headers.Set(HeaderId.Status, scratch.Written);
        Stream.Info.ResponseCode = status;
    }

    private void Reply(HeaderMap headers, LocalResponse chosen)
    {
        _chosen = chosen;
        int status = chosen.Status ?? (int)Math.Clamp(FieldSyntax.ParseLength(headers.Get(HeaderId.Status)), 200, 599);
        Stream.Info.ResponseCode = status;
        _body.Clear();
        if (chosen.Format is { } format)
        {
            Stream.Info.LocalReplyBody = Encoding.UTF8.GetString(chosen.Body);
            format.Write(_body, Stream.Info);
        }
        else _body.Write(chosen.Body);
        Stream.SendLocalReply(status, _body.Written, "custom_response", Streams.ResponseFlags.None,
            static (response, filter) => ((CustomResponseFilter)filter!).Decorate(response), this);
    }

    public override void OnDestroy()
    {
        _chosen = null;
        _cameBy = false;
        _body.Release(keep: 16 * 1024);
    }

    private ResponsePolicy? Find()
    {
        // Nothing is concluded from an expression that cannot be asked.
        var work = new MatchWork();
        if (Stream.MatchedRoute is { HasFilterConfigs: true } route)
            foreach (object level in route.FilterConfigs(Stream.NameOf(this)))
                if (level is MatchTree<ResponsePolicy> tree && tree.Find(Stream.Info, ref work, out var found) == MatchVerdict.Yes)
                    return found;
        return own?.Find(Stream.Info, ref work, out var last) == MatchVerdict.Yes ? last : null;
    }

    private void Decorate(HeaderMap response)
    {
        if (_chosen is not { } chosen) return;
        if (chosen.Format is { } format) response.Set(HeaderId.ContentType, format.ContentType);
        chosen.Headers.Apply(response, Stream.Info, Stream.Worker.Scratch);
    }
}
