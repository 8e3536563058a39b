using Managed.Proxy.Http.Headers;
using Managed.Proxy.Http.Mirroring;
using Managed.Proxy.Router;

namespace Managed.Proxy.Http;

/// <summary>The copies of a request: begun with its head as the upstream gets it, fed with its body as that goes out.</summary>
public sealed partial class HttpStream
{
    private Shadow[] _shadows = [];
    private int _shadowCount;

    private void Mirror(RouteEntry route)
    {
        bool hasBody = ClientSendsBody;
        long length = hasBody && RequestHeaders.Has(HeaderId.ContentLength)
            ? FieldSyntax.ParseLength(RequestHeaders.Get(HeaderId.ContentLength)) : !hasBody && _down.DeclaredEmptyBody ? 0 : -1;
        ulong random = Worker.NextRandom();
        if (_shadows.Length < route.Mirrors.Length) _shadows = new Shadow[route.Mirrors.Length];
        foreach (var policy in route.Mirrors)
        {
            if (policy.ClusterOf(RequestHeaders, random) is not { } cluster) continue;
            var shadow = Shadow.Rent(Worker);
            shadow.Headers.CopyFrom(RequestHeaders);
            shadow.Headers.Remove(HeaderId.Expect); // its endpoint is not waited for
            policy.NameHost(shadow.Headers, Worker.Scratch);
            _shadows[_shadowCount++] = shadow;
            shadow.Start(cluster, hasBody, length, _retryBytes, RouteTimeoutMicros);
        }
    }

    private void FeedShadows(ReadOnlySpan<byte> piece)
    {
        foreach (var shadow in _shadows.AsSpan(0, _shadowCount)) shadow.Feed(piece);
    }

    private void EndShadows()
    {
        var trailers = RequestTrailers.Count > 0 && PassesTrailers ? RequestTrailers : null;
        foreach (var shadow in _shadows.AsSpan(0, _shadowCount)) shadow.FeedEnd(trailers);
    }

    private void ReleaseShadows()
    {
        for (int i = 0; i < _shadowCount; i++)
        {
            _shadows[i].Release();
            _shadows[i] = null!;
        }
        _shadowCount = 0;
    }
}
