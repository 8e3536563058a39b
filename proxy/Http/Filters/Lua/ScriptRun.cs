using System.Diagnostics;
using Managed.Proxy.Bindings.Lua;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Calls;
using Microsoft.Extensions.Logging;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>What a run waits for.</summary>
internal enum ScriptWait : byte { None, Body, Chunk, Trailers, Call }

/// <summary>
/// One call of a hook on one stream, from the headers to the script's end: says what the stream does meanwhile. Envoy's rules: waiting
/// for the body or a call holds the headers back; waiting for a chunk or trailers lets them go on, and then they can no longer change.
/// </summary>
internal sealed class ScriptRun(LuaFilter filter, bool response)
{
    private LuaScript? _script;
    private LuaInstance? _instance;
    private LuaThread? _thread; // while the script waits
    private ByteWriter? _piece; // within a body hook
    private long _counted, _ticks; // instructions of the call that are accounted for; its time so far
    private bool _ended, _sawTrailers, _heldServed, _chunkReady, _inHook;

    public bool IsResponse => response;
    public LuaFilter Filter => filter;
    public HttpStream Stream => filter.Stream;
    public ScriptWait Wait { get; set; }
    /// <summary>The headers went on to the next filter.</summary>
    public bool HeadersGone { get; private set; }
    public bool BodyTaken { get; set; }
    public bool ChunksTaken { get; set; }
    public bool HeadersOnly { get; private set; }
    public bool Replied { get; set; }
    public bool HeadersChanged { get; set; }
    public int Chunk { get; private set; }
    public HttpCall? Call { get; set; }
    public List<IDisposable>? Keys { get; set; }

    /// <summary>All of the body is here and can still be changed.</summary>
    public bool BodyComplete => _ended && !HeadersGone;
    public bool Ended => _ended;
    public bool SawTrailers => _sawTrailers;
    /// <summary>The bytes that a buffer object stands for at this moment.</summary>
    public ByteWriter? Bytes => _piece ?? filter.Held(response);

    /// <summary>The same for writing; where nothing was kept yet the stream makes the place.</summary>
    public ByteWriter WritableBytes()
    {
        if (_piece is { } piece) return piece;
        if (HeadersOnly && _inHook) return _piece = Stream.WritableBody(filter, response);
        return filter.Held(response) ?? Stream.WritableBody(filter, response);
    }

    public HeadersStatus Start(LuaScript script, LuaInstance instance, int hook, bool endStream)
    {
        instance.Enter();
        _instance?.Leave();
        _script = script;
        _instance = instance;
        HeadersOnly = _ended = endStream;
        _inHook = true;
        _counted = _ticks = 0;
        if (Stream.Trace is { } trace) instance.State.Trace = new ScriptTrace(trace);
        long began = Stopwatch.GetTimestamp();
        var outcome = instance.State.Call(hook, this, LuaHandles.Handle, out var thread);
        Stream.Worker.Stats.Increment(filter.Settings.Stats.Executions);
        instance.CountExecution();
        After(outcome, thread, began);
        _inHook = false;
        _piece = null;
        if (Replied) return HeadersStatus.StopIteration;
        if (_thread is null)
        {
            Stream.SkipRest(filter, response);
            return HeadersStatus.Continue;
        }
        if (Wait is ScriptWait.Body or ScriptWait.Call) return HeadersStatus.StopIteration;
        HeadersGone = true;
        return HeadersStatus.Continue;
    }

    public BodyStatus OnBody(ByteWriter piece, bool end)
    {
        _ended |= end;
        if (_thread is null) return BodyStatus.Continue;
        _piece = piece;
        _inHook = true;
        if (Wait == ScriptWait.Body && end)
        {
            // The script sees what was kept and this piece as one.
            _piece = Stream.JoinBody(filter, response);
            Resume();
        }
        else if (Wait == ScriptWait.Chunk && (end || piece.Length > 0))
        {
            if (piece.Length > 0) ServeChunk();
            Resume();
        }
        else if (Wait == ScriptWait.Trailers && end) Resume();
        _inHook = false;
        _piece = null;
        if (_thread is null) return BodyStatus.Continue;
        return Wait switch
        {
            ScriptWait.Body => BodyStatus.StopIterationAndBuffer,
            ScriptWait.Call => BodyStatus.StopIterationAndWatermark,
            _ => BodyStatus.Continue,
        };
    }

    public TrailersStatus OnTrailers()
    {
        _ended = _sawTrailers = true;
        if (_thread is not null && Wait != ScriptWait.Call)
        {
            _inHook = true;
            Resume();
            _inHook = false;
        }
        return _thread is null || Wait != ScriptWait.Call ? TrailersStatus.Continue : TrailersStatus.StopIteration;
    }

    /// <summary>A call of this run has its answer; not within another call into the script.</summary>
    public void OnCallDone()
    {
        if (_thread is null || Wait != ScriptWait.Call) return;
        var headers = response ? Stream.ResponseHeaders : Stream.RequestHeaders;
        Stream.Trace?.Begin(filter.ConfiguredName, "OnHttpCallResponse", headers, null, _ended);
        Resume();
        Stream.Trace?.End(_thread is null ? "Done" : "Waits", headers, null);
        if (Replied) return;
        if (_thread is not null && Wait is ScriptWait.Body or ScriptWait.Call) return;
        HeadersGone = true;
        filter.Resume(response);
    }

    /// <summary>
    /// Whether a chunk is at hand for the script now: the piece of the present hook, or what was held back during a call.
    /// </summary>
    public bool TakeChunk()
    {
        if (_chunkReady)
        {
            _chunkReady = false;
            return true;
        }
        if (_heldServed || HeadersGone || filter.Held(response) is not { Length: > 0 }) return false;
        _heldServed = true;
        Chunk++;
        return true;
    }

    /// <summary>Answers for a script that failed, where failing is closed.</summary>
    public void Refuse()
    {
        Replied = true;
        Stream.SendLocalReply(500, default, "lua_script_error");
    }

    public void Clear()
    {
        if (_thread is { } waiting) _instance!.State.Drop(waiting);
        Call?.Cancel();
        if (Keys is { } keys) foreach (var key in keys) key.Dispose();
        Keys = null;
        Call = null;
        _thread = null;
        _script = null;
        _instance?.Leave();
        _instance = null;
        _piece = null;
        Wait = ScriptWait.None;
        Chunk = 0;
        _ended = _sawTrailers = _heldServed = _chunkReady = _inHook = false;
        HeadersGone = BodyTaken = ChunksTaken = HeadersOnly = Replied = HeadersChanged = false;
    }

    private void ServeChunk()
    {
        Chunk++;
        _chunkReady = true;
    }

    private void Resume()
    {
        var thread = _thread!;
        _thread = null;
        Wait = ScriptWait.None;
        long began = Stopwatch.GetTimestamp();
        After(_instance!.State.Resume(thread), thread, began);
    }

    private void After(LuaOutcome outcome, LuaThread thread, long began)
    {
        var worker = Stream.Worker;
        var stats = filter.Settings.Stats;
        long ticks = Stopwatch.GetTimestamp() - began;
        worker.Stats.Record(stats.Time, ticks / (Stopwatch.Frequency / 1_000_000));
        long instructions = thread.Instructions - _counted;
        _instance!.CountCost(ticks, instructions);
        _counted = thread.Instructions;
        Stream.Trace?.Spent(instructions);
        _ticks += ticks;
        if (outcome != LuaOutcome.Waiting || Replied)
        {
            worker.Stats.Record(stats.Instructions, thread.Instructions);
            _instance.CountCall(_ticks / (Stopwatch.Frequency / 1_000_000), thread.Instructions);
        }
        if (HeadersChanged && !response && filter.Settings.Config.ClearRouteCache) Stream.ClearRouteCache();
        HeadersChanged = false;
        switch (outcome)
        {
            case LuaOutcome.Done:
                break;
            case LuaOutcome.Waiting when Replied:
                _instance!.State.Drop(thread); // respond() ends the script
                break;
            case LuaOutcome.Waiting when Wait == ScriptWait.None:
                _instance!.State.Drop(thread);
                Fail(_script!.Name + ": the script yields where nothing is waited for", LuaBreach.None);
                break;
            case LuaOutcome.Waiting:
                _thread = thread;
                break;
            default:
                Fail(_instance!.State.Error, _instance.State.Breach);
                break;
        }
    }

    private void Fail(string error, LuaBreach breach)
    {
        var worker = Stream.Worker;
        var stats = filter.Settings.Stats;
        var logger = worker.Reports.Scripts;
        worker.Stats.Increment(stats.Errors);
        Stream.Trace?.Failed(error);
        _instance!.CountError();
        Call?.Cancel();
        Call = null;
        Log.ScriptFailed(logger, error, RequestId, Stream.Generation.Version);
        worker.Reports.ScriptSaid(worker, LogLevel.Error, "", error, RequestId, Stream.Generation.Version);
        if (breach != LuaBreach.None)
        {
            worker.Stats.Increment(stats.Breaches);
            if (_instance!.CountBreach(worker.NowMicros))
            {
                worker.Stats.Increment(stats.Quarantines);
                Log.Quarantined(logger, _script!.Name, worker.Id);
                worker.Reports.Raise("vm.quarantined", ("kind", "lua"), ("name", _script.Name), ("digest", _script.Digest),
                    ("worker", worker.Id));
            }
            // What filled the state is still in it.
            if (breach == LuaBreach.Memory) _script!.Renew(worker, _instance!);
        }
        if (!Replied && filter.Settings.Config.FailurePolicy == LuaFailurePolicy.Closed) Refuse();
    }

    public string RequestId => Stream.RequestHeaders.GetString("x-request-id")
        ?? Stream.Info.StreamId.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
