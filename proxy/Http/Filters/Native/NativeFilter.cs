using Managed.Filters;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Filters.Native.Plugins;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Native;

/// <summary>
/// The filter on one stream: the stream's hooks to those of the plug-in's filter. What the plug-in may keep (its filter, stream and host)
/// lives together, and is thrown away together unless the filter says that it is fresh again.
/// </summary>
internal sealed class NativeFilter(NativePlugin plugin) : HttpFilter
{
    private NativeStream? _stream;
    private bool _begun, _refused;

    public NativePlugin Plugin => plugin;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        var on = Begin();
        return on is null && _refused ? HeadersStatus.StopIteration
            : Call(on, HeadersStatus.Continue, static (o, end) => o.Filter.RequestHeaders(o.RequestHeaders, end), endStream);
    }

    public override BodyStatus OnRequestBody(ByteWriter body, bool endStream)
        => Call(Running, BodyStatus.Continue, static (o, a) => o.Filter.RequestBody(a.body, a.endStream), (body, endStream));

    public override TrailersStatus OnRequestTrailers(HeaderMap trailers)
        => Call(Running, TrailersStatus.Continue, static (o, _) => o.Filter.RequestTrailers(o.RequestTrailers), false);

    // A reply of another filter may come before any request hook of this one.
    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
        => Call(Begin(), HeadersStatus.Continue, static (o, end) => o.Filter.ResponseHeaders(o.ResponseHeaders, end), endStream);

    public override BodyStatus OnResponseBody(ByteWriter body, bool endStream)
        => Call(Running, BodyStatus.Continue, static (o, a) => o.Filter.ResponseBody(a.body, a.endStream), (body, endStream));

    public override TrailersStatus OnResponseTrailers(HeaderMap trailers)
        => Call(Running, TrailersStatus.Continue, static (o, _) => o.Filter.ResponseTrailers(o.ResponseTrailers), false);

    /// <summary>One hook of the plug-in, timed; without it, and where it throws, its stream goes on or has been failed.</summary>
    private TStatus Call<TArgument, TStatus>(NativeStream? on, TStatus otherwise, Func<NativeStream, TArgument, TStatus> hook,
        TArgument argument)
    {
        if (on is null) return otherwise;
        var call = new NativeTiming(plugin, on.Worker);
        try
        {
            var status = hook(on, argument);
            call.Done();
            return status;
        }
        catch (Exception e)
        {
            on.Fail(e);
            return otherwise;
        }
    }

    public override void OnComplete() => Running?.Run(_stream!.Filter.Complete);

    public override void OnDestroy()
    {
        if (_stream?.TryReuse() == true) plugin.KeepFree(_stream);
        _stream = null;
        _begun = _refused = false;
    }

    /// <summary>Goes on where the plug-in had stopped it.</summary>
    public void Resume(bool response)
    {
        if (response) ContinueResponse(); else ContinueRequest();
    }

    /// <summary>The plug-in has failed on this stream.</summary>
    public void OnFailed()
    {
        if (!plugin.FailsOpen)
        {
            Stream.FailStream("native_filter_failure");
            return;
        }
        Stream.SkipRest(this, response: false);
        Stream.SkipRest(this, response: true);
        // What it holds goes on. Within a hook: as if that had returned Continue.
        ContinueRequest();
        ContinueResponse();
    }

    private NativeStream? Running => _stream is { IsOver: false } on && _begun ? on : null;

    private NativeStream? Begin()
    {
        if (_begun) return Running;
        _begun = true;
        var worker = Stream.Worker;
        if (plugin.IsLeftOut(worker))
        {
            Refuse();
            return null;
        }
        try
        {
            _stream = (NativeStream?)plugin.TakeFree(worker)
                ?? new NativeStream(plugin, worker, ((HttpFilterPlugin)plugin.Instance).Create());
            _stream.Begin(this);
            return _stream;
        }
        catch (Exception e)
        {
            plugin.OnFailure(worker, e);
            Refuse();
            _stream = null;
            return null;
        }
    }

    private void Refuse()
    {
        var stats = Stream.Worker.Stats;
        stats.Increment(plugin.FailsOpen ? plugin.Stats.FailedOpen : plugin.Stats.FailedClosed);
        if (plugin.FailsOpen) return;
        _refused = true;
        Stream.SendLocalReply(503, default, "native_filter_unavailable");
    }
}
