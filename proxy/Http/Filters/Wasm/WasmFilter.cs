using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Filters.Wasm.Plugins;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Wasm;

/// <summary>The filter on one stream: the stream's hooks to the guest's callbacks, and their results back.</summary>
internal sealed class WasmFilter : HttpFilter
{
    private enum State : byte { Fresh, Running, Off }

    private readonly WasmPlugin _plugin;
    private readonly HttpContext _context;
    private State _state;

    public WasmFilter(WasmPlugin plugin)
    {
        _plugin = plugin;
        _context = new HttpContext(this);
    }

    public WasmPlugin Plugin => _plugin;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
        => Begin() ? _context.OnHeaders(response: false, headers.Count, endStream) : HeadersStatus.Continue;
    public override BodyStatus OnRequestBody(ByteWriter body, bool endStream)
        => _state == State.Running ? _context.OnBody(response: false, body, endStream) : BodyStatus.Continue;
    public override TrailersStatus OnRequestTrailers(HeaderMap trailers)
        => _state == State.Running ? _context.OnTrailers(response: false, trailers.Count) : TrailersStatus.Continue;
    // A reply of another filter may come before any request hook of this one.
    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
        => Begin() ? _context.OnHeaders(response: true, headers.Count, endStream) : HeadersStatus.Continue;
    public override BodyStatus OnResponseBody(ByteWriter body, bool endStream)
        => _state == State.Running ? _context.OnBody(response: true, body, endStream) : BodyStatus.Continue;
    public override TrailersStatus OnResponseTrailers(HeaderMap trailers)
        => _state == State.Running ? _context.OnTrailers(response: true, trailers.Count) : TrailersStatus.Continue;

    public override void OnComplete()
    {
        if (_state == State.Running) _context.OnComplete();
    }

    public override void OnDestroy()
    {
        _context.Clear();
        _state = State.Fresh;
    }

    /// <summary>No callback any more on this stream: it goes on without the plugin, or is being answered for it.</summary>
    public void SwitchOff()
    {
        _state = State.Off;
        Stream.SkipRest(this, response: false);
        Stream.SkipRest(this, response: true);
    }

    /// <summary>What a stream gets that cannot have the plugin.</summary>
    public void Refuse()
    {
        var stats = _plugin.Machine.Stats;
        SwitchOff();
        if (_plugin.Policy == WasmFailurePolicy.FailOpen)
        {
            Stream.Worker.Stats.Increment(stats.FailedOpen);
            return;
        }
        Stream.Worker.Stats.Increment(stats.FailedClosed);
        Stream.SendLocalReply(503, default, "wasm_fail_stream");
    }

    public void Resume(bool response, bool withBody) => Stream.Continue(this, response, withBody);

    private bool Begin()
    {
        if (_state == State.Fresh)
        {
            _state = State.Running;
            if (_plugin.On(Stream.Worker) is not { } root) Refuse();
            else if (!_context.Begin(root)) _context.OnFailure();
        }
        return _state == State.Running;
    }
}
