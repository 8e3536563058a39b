using Managed.Proxy.Bindings.Lua;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>The filter on one stream: a run of the script's hook for each direction, and what both share.</summary>
internal sealed class LuaFilter : HttpFilter
{
    private readonly ScriptRun _request, _response;
    private LuaState? _contextOf;
    private int _context;

    public LuaFilter(LuaSettings settings)
    {
        Settings = settings;
        _request = new ScriptRun(this, response: false);
        _response = new ScriptRun(this, response: true);
    }

    public LuaSettings Settings { get; }
    public LuaRoute? Route { get; private set; }
    /// <summary>The name that the chain gives the filter; metadata is looked up by it.</summary>
    public string ConfiguredName => Stream.NameOf(this);
    public int CallsUnderWay { get; set; }
    private int _kept;

    /// <summary>
    /// Counts what the host keeps for the script until the stream's end, also of what was replaced since. False: that would be too much.
    /// </summary>
    public bool Keep(int bytes)
    {
        if (_kept + bytes > LuaCost.Kept) return false;
        _kept += bytes;
        return true;
    }

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream) => Begin(_request, endStream);
    public override BodyStatus OnRequestBody(ByteWriter body, bool endStream) => _request.OnBody(body, endStream);
    public override TrailersStatus OnRequestTrailers(HeaderMap trailers) => _request.OnTrailers();
    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream) => Begin(_response, endStream);
    public override BodyStatus OnResponseBody(ByteWriter body, bool endStream) => _response.OnBody(body, endStream);
    public override TrailersStatus OnResponseTrailers(HeaderMap trailers) => _response.OnTrailers();

    public override void OnDestroy()
    {
        // Before the runs: the last of them may close the state.
        if (_contextOf is { } state) state.Forget(_context);
        _contextOf = null;
        _request.Clear();
        _response.Clear();
        Route = null;
        CallsUnderWay = _kept = 0;
    }

    public void Resume(bool response)
    {
        if (response) ContinueResponse(); else ContinueRequest();
    }

    public ByteWriter? Held(bool response) => response ? Stream.BufferedResponseBody(this) : Stream.BufferedRequestBody(this);

    /// <summary>The table of handle:context() on the stack, made at first use; a script of another state has another one.</summary>
    public void PushContext(LuaState state, nint L)
    {
        if (!ReferenceEquals(_contextOf, state))
        {
            _contextOf?.Forget(_context);
            LuaApi.CreateTable(L, 0, 4);
            _context = state.Keep(L);
            _contextOf = state;
        }
        LuaApi.RawGetI(L, LuaApi.RegistryIndex, _context);
    }

    private HeadersStatus Begin(ScriptRun run, bool endStream)
    {
        Route = RouteConfig<LuaRoute>();
        var worker = Stream.Worker;
        if (Settings.Choose(Route) is { } script && script.On(worker) is { } instance)
        {
            int hook = run.IsResponse ? instance.OnResponse : instance.OnRequest;
            if (hook != 0 && instance.IsQuarantined(worker.NowMicros))
            {
                worker.Stats.Increment(Settings.Stats.Skipped);
                if (Settings.Config.FailurePolicy == LuaFailurePolicy.Closed) { run.Refuse(); return HeadersStatus.StopIteration; }
            }
            else if (hook != 0) return run.Start(script, instance, hook, endStream);
        }
        Stream.SkipRest(this, run.IsResponse);
        return HeadersStatus.Continue;
    }
}
