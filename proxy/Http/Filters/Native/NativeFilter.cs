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
        if (Begin() is not { } on) return _refused ? HeadersStatus.StopIteration : HeadersStatus.Continue;
        var call = new NativeTiming(plugin, on.Worker);
        try
        {
            var status = on.Filter.RequestHeaders(on.RequestHeaders, endStream);
            call.Done();
            return status;
        }
        catch (Exception e)
        {
            on.Fail(e);
            return HeadersStatus.Continue;
        }
    }

    public override BodyStatus OnRequestBody(ByteWriter body, bool endStream)
    {
        if (Running is not { } on) return BodyStatus.Continue;
        var call = new NativeTiming(plugin, on.Worker);
        try
        {
            var status = on.Filter.RequestBody(body, endStream);
            call.Done();
            return status;
        }
        catch (Exception e)
        {
            on.Fail(e);
            return BodyStatus.Continue;
        }
    }

    public override TrailersStatus OnRequestTrailers(HeaderMap trailers)
    {
        if (Running is not { } on) return TrailersStatus.Continue;
        var call = new NativeTiming(plugin, on.Worker);
        try
        {
            var status = on.Filter.RequestTrailers(on.RequestTrailers);
            call.Done();
            return status;
        }
        catch (Exception e)
        {
            on.Fail(e);
            return TrailersStatus.Continue;
        }
    }

    // A reply of another filter may come before any request hook of this one.
    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        if (Begin() is not { } on) return HeadersStatus.Continue;
        var call = new NativeTiming(plugin, on.Worker);
        try
        {
            var status = on.Filter.ResponseHeaders(on.ResponseHeaders, endStream);
            call.Done();
            return status;
        }
        catch (Exception e)
        {
            on.Fail(e);
            return HeadersStatus.Continue;
        }
    }

    public override BodyStatus OnResponseBody(ByteWriter body, bool endStream)
    {
        if (Running is not { } on) return BodyStatus.Continue;
        var call = new NativeTiming(plugin, on.Worker);
        try
        {
            var status = on.Filter.ResponseBody(body, endStream);
            call.Done();
            return status;
        }
        catch (Exception e)
        {
            on.Fail(e);
            return BodyStatus.Continue;
        }
    }

    public override TrailersStatus OnResponseTrailers(HeaderMap trailers)
    {
        if (Running is not { } on) return TrailersStatus.Continue;
        var call = new NativeTiming(plugin, on.Worker);
        try
        {
            var status = on.Filter.ResponseTrailers(on.ResponseTrailers);
            call.Done();
            return status;
        }
        catch (Exception e)
        {
            on.Fail(e);
            return TrailersStatus.Continue;
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
