using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Router.Trees;

namespace Managed.Proxy.Http.Filters.CustomResponse;

/// <summary>Replaces responses by those that its matchers find.</summary>
internal sealed class CustomResponseFilter(MatchTree<LocalResponse>? own) : HttpFilter
{
    private readonly ByteWriter _body = new(0);
    private LocalResponse? _chosen;

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        // Its own reply comes by here too, where it took the place of another reply.
        if (_chosen is not null || Stream.Info.ResponseCode == 101 || Find() is not { } chosen) return HeadersStatus.Continue;
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
        return HeadersStatus.StopIteration;
    }

    public override void OnDestroy()
    {
        _chosen = null;
        _body.Release(keep: 16 * 1024);
    }

    private LocalResponse? Find()
    {
        // Nothing is concluded from an expression that cannot be asked.
        var work = new MatchWork();
        if (Stream.MatchedRoute is { HasFilterConfigs: true } route)
            foreach (object level in route.FilterConfigs(Stream.NameOf(this)))
                if (level is MatchTree<LocalResponse> tree && tree.Find(Stream.Info, ref work, out var found) == MatchVerdict.Yes)
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
