using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Router;

public sealed partial class RouteEntry
{
    // Working space of the worker's thread; what is written is used up before the method returns.
    [ThreadStatic] private static ByteWriter? t_scratch;

    /// <summary>
    /// Makes the upstream's request of the client's, in Envoy's order: headers of the levels, then the host, then the path (so header
    /// formats see both as they came).
    /// </summary>
    /// <param name="headers">The request's.</param>
    /// <param name="info">For formats.</param>
    /// <param name="envoyHeaders">Whether x-envoy-original-path is set when the path changes.</param>
    /// <returns>Anything but <see cref="PathRewriteResult.Done"/>: the path is as it was, and the request is not to be forwarded.</returns>
    public PathRewriteResult PrepareRequest(HeaderMap headers, StreamInfo info, bool envoyHeaders)
    {
        var scratch = Scratch();
        foreach (var mutations in RequestMutations) mutations.Apply(headers, info, scratch);
        if (Host is not null && Host.Evaluate(headers, scratch) is { Length: > 0 } host)
            HostRewrite.Apply(headers, host, AppendForwardedHost, scratch);
        if (Path is null) return PathRewriteResult.Done;
        scratch.Clear();
        var target = headers.Get(HeaderId.Path);
        if (!Path.TryWrite(target, Match!, scratch)) return PathRewriteResult.TooLong;
        if (scratch.Written.SequenceEqual(target)) return PathRewriteResult.Done;
        if (PathRewrite.HasDotSegment(scratch.Written) && !PathRewrite.HasDotSegment(target)) return PathRewriteResult.DotSegment;
        if (envoyHeaders) headers.Set(HeaderId.XEnvoyOriginalPath, target);
        headers.Set(HeaderId.Path, scratch.Written);
        return PathRewriteResult.Done;
    }

    /// <summary>The header changes of the levels on a response.</summary>
    public void PrepareResponse(HeaderMap headers, StreamInfo info)
    {
        if (ResponseMutations.Length > 0)
        {
            var scratch = Scratch();
            foreach (var mutations in ResponseMutations) mutations.Apply(headers, info, scratch);
        }
        if (!TellsAttemptsInResponse || info.UpstreamAttempts == 0) return;
        var count = Scratch();
        count.Write(info.UpstreamAttempts);
        headers.Set(HeaderId.XEnvoyAttemptCount, count.Written);
    }

    /// <summary>
    /// Sets the host after the endpoint is chosen (<see cref="AutoHostRewrite"/>), with x-forwarded-host when the route asks for it.
    /// </summary>
    /// <param name="headers">The request's.</param>
    /// <param name="host">The new one.</param>
    /// <param name="tellsFormer">The host is the client's, and not one of an attempt before.</param>
    public void RewriteHost(HeaderMap headers, ReadOnlySpan<byte> host, bool tellsFormer = true)
    {
        if (HeaderValue.IsAuthority(host)) HostRewrite.Apply(headers, host, AppendForwardedHost && tellsFormer, Scratch());
    }

    private static ByteWriter Scratch()
    {
        var scratch = t_scratch ??= new ByteWriter();
        scratch.Clear();
        return scratch;
    }
}
