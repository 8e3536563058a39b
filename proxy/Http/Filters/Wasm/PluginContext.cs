using System.Text;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Calls;
using Managed.Proxy.Upstream;
using Microsoft.Extensions.Logging;

namespace Managed.Proxy.Http.Filters.Wasm;

/// <summary>A plugin's root context in one VM: its life cycle, ticks, queues, and the calls that it and its streams make.</summary>
internal sealed partial class PluginContext : WasmContext
{
    private const long DoneMicros = 5_000_000; // how long a plugin that asks for it may live on
    private const int IdleShare = 4;           // a tick rests at least four times as long as it ran

    private readonly WasmPlugin _plugin;
    private readonly WasmMachine _machine;
    private readonly WheelTimer _tick, _doneTimer;
    private readonly Dictionary<int, GuestCall> _calls = [];
    private long _tickMicros;
    private bool _configuring, _quiet;
    private Action? _ended; // while the guest delays its end
    private HttpCall? _answer; // within its callback
    private byte[]? _arguments; // of a foreign function, within its callback

    public PluginContext(WasmPlugin plugin, WasmMachine machine, WasmVm vm)
    {
        _plugin = plugin;
        _machine = machine;
        Vm = vm;
        _tick = new WheelTimer(static s => ((PluginContext)s!).OnTick(), this);
        _doneTimer = new WheelTimer(static s => ((PluginContext)s!).OnEnded(), this);
    }

    public override WasmContext Root => this;
    public WasmPlugin Plugin => _plugin;
    public WasmMachine Machine => _machine;
    public Worker? Worker => Vm.Worker;

    /// <summary>Creates, starts and configures it; false with the reason.</summary>
    public bool TryStart(out string error)
    {
        error = "";
        Vm.Starting = true;
        try
        {
            if (!Vm.Add(this, 0)) { error = "it fails at the creation of its context: " + Vm.Failure; return false; }
            if (!Vm.Call(this, Vm.Exports.VmStart, Vm.Program.Configuration.Length, 1, out int started)) { error = "it fails at its start: " + Vm.Failure; return false; }
            if (started == 0) { error = "it refuses to start (proxy_on_vm_start)"; return false; }
            _configuring = true;
            if (!Vm.Call(this, Vm.Exports.Configure, _plugin.Configuration.Length, 1, out int configured)) { error = "it fails at its configuration: " + Vm.Failure; return false; }
            if (configured == 0) { error = "it refuses its configuration (proxy_on_configure); its log says more"; return false; }
            return true;
        }
        finally
        {
            Vm.Starting = _configuring = false;
        }
    }

    /// <summary>On its worker from now on.</summary>
    public void Bind(Worker worker)
    {
        if (_tickMicros > 0) worker.Timers.Arm(_tick, _tickMicros);
    }

    /// <summary>The guest is told that it ends; it may ask for a little time. Then <paramref name="ended"/>.</summary>
    public void End(Action ended)
    {
        if (_quiet || Id == 0) { ended(); return; }
        _ended = ended;
        if (Vm.Call(this, Vm.Exports.Done, 1, out int done) && done == 0 && Worker is { } worker)
        {
            worker.Timers.Arm(_doneTimer, DoneMicros);
            return;
        }
        OnEnded();
    }

    public override WasmStatus Done()
    {
        if (_ended is null || !_doneTimer.IsArmed) return WasmStatus.NotFound;
        Worker!.Timers.Arm(_doneTimer, 0);
        return WasmStatus.Ok;
    }

    /// <summary>Nothing of it runs any more: its timers and calls are given up, the guest hears nothing.</summary>
    public void Quiet()
    {
        _quiet = true;
        _tickMicros = 0;
        Worker?.Timers.Remove(_tick);
        Worker?.Timers.Remove(_doneTimer);
        // Streams that wait for an answer in a VM that failed still get theirs.
        if (!Vm.HasFailed || Vm.Contexts.Count == 0) CancelCalls();
    }

    private void OnEnded()
    {
        if (_ended is not { } ended) return;
        _ended = null;
        if (!Vm.HasFailed) Vm.Call(this, Vm.Exports.Delete);
        CancelCalls();
        Quiet();
        Vm.Remove(this);
        ended();
    }

    private void CancelCalls()
    {
        foreach (var call in _calls.Values) call.Cancel();
        _calls.Clear();
        foreach (var call in _grpcCalls.Values) call.Cancel();
        _grpcCalls.Clear();
    }

    /// <summary>A call into the guest failed. The stream it was for, if any, fails too.</summary>
    public void OnFailure(StreamContext? stream)
    {
        if (Worker is { } worker) _machine.On(worker)?.OnFailure(Vm, _plugin, stream?.RequestId ?? "");
        if (stream is { Id: > 0 } && ReferenceEquals(stream.Vm, Vm)) stream.Fail();
    }

    // ---- what a guest asks of it

    public override bool TryMap(WasmMap map, out HeaderMap? headers)
    {
        headers = map == WasmMap.CallResponseHeaders ? _answer?.Response : map == WasmMap.CallResponseTrailers ? _answer?.ResponseTrailers : null;
        if (_answer is { Failed: true }) headers = null; // there is none, but one may ask
        if (_grpc is { } grpc && map is WasmMap.GrpcInitialMetadata or WasmMap.GrpcTrailingMetadata) headers = grpc.Metadata;
        return map is WasmMap.CallResponseHeaders or WasmMap.CallResponseTrailers ? _answer is not null : map is WasmMap.GrpcInitialMetadata or WasmMap.GrpcTrailingMetadata && _grpc is not null;
    }

    public override bool TryBuffer(WasmBuffer buffer, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        switch (buffer)
        {
            case WasmBuffer.VmConfiguration: bytes = Vm.Program.Configuration; return true;
            case WasmBuffer.PluginConfiguration: bytes = _plugin.Configuration; return true;
            case WasmBuffer.CallResponseBody when _answer is { } answer: bytes = answer.Failed ? default : answer.ResponseBody.Written; return true;
            case WasmBuffer.GrpcMessage when _grpc is { } grpc: bytes = grpc.Message; return true;
            case WasmBuffer.ForeignFunctionArguments when _arguments is { } arguments: bytes = arguments; return true;
            default: return false;
        }
    }

    /// <summary>Within its configuration: proxy_get_configuration means that one.</summary>
    public override bool IsConfiguring => _configuring;

    public override bool TryProperty(ReadOnlySpan<byte> path, ByteWriter into) => Properties.TryWrite(path, null, null, this, into);

    public override bool TryForeign(ReadOnlySpan<byte> name, ReadOnlySpan<byte> arguments, ByteWriter result, out WasmStatus status) => ForeignFunctions.TryCall(this, name, arguments, result, out status);

    public override WasmStatus SetTickPeriod(uint milliseconds)
    {
        _tickMicros = milliseconds * 1000L;
        if (Worker is not { } worker || _quiet) return WasmStatus.Ok; // armed when it is bound
        if (_tickMicros == 0) worker.Timers.Remove(_tick); else worker.Timers.Arm(_tick, _tickMicros);
        return WasmStatus.Ok;
    }

    public override WasmStatus RegisterQueue(ReadOnlySpan<byte> name, out int id)
    {
        int number = id = Vm.Program.Queues.Register(Vm.VmId, Encoding.UTF8.GetString(name));
        if (number == 0) return WasmStatus.InternalFailure;
        // Not before: a VM that is only tried would take the messages' news from the one in service, for good.
        Vm.WhenInService(() => Vm.Program.Queues.Listen(number, queue => Worker?.Post(static s => { var (root, id) = ((PluginContext, int))s!; root.OnQueue(id); }, (this, queue))));
        return WasmStatus.Ok;
    }

    /// <summary>Calls proxy_on_foreign_function a little later, on this worker.</summary>
    public void CallBackLater(int function, byte[] arguments) => Vm.WhenInService(() => Worker!.Post(static s =>
    {
        var (root, number, bytes) = ((PluginContext, int, byte[]))s!;
        if (root._quiet || root.Id == 0) return;
        root._arguments = bytes;
        bool ok = root.Vm.Call(root, root.Vm.Exports.ForeignFunction, number, bytes.Length);
        root._arguments = null;
        if (!ok) root.OnFailure(root.Vm.FailedOn as StreamContext);
    }, (this, function, arguments)));

    public override WasmStatus HttpCall(WasmContext asker, ReadOnlySpan<byte> upstream, ReadOnlySpan<byte> headers, ReadOnlySpan<byte> body, ReadOnlySpan<byte> trailers, int timeoutMs, out int id)
    {
        id = 0;
        if (timeoutMs < 0 || upstream.IsEmpty) return WasmStatus.BadArgument;
        if (_calls.Count + _grpcCalls.Count >= Vm.Program.Limits.Calls) return WasmStatus.InternalFailure;
        string name = Encoding.UTF8.GetString(upstream);
        var request = new HeaderMap();
        var tail = new HeaderMap();
        if (!GuestCall.TryRead(headers, request, pseudo: true) || !GuestCall.TryRead(trailers, tail, pseudo: false)) return WasmStatus.BadArgument;
        if (!request.Has(HeaderId.Method) || !request.Has(HeaderId.Path) || !request.Has(HeaderId.Authority)) return WasmStatus.BadArgument;
        if (Worker is not null && !Clusters(asker).ContainsKey(name)) return WasmStatus.BadArgument;
        byte[] bytes = body.ToArray();
        id = Vm.NextCallId();
        var call = _calls[id] = new GuestCall(this, asker, id);
        Vm.WhenInService(() => call.Start(name, request, bytes, tail, timeoutMs * 1000L));
        return WasmStatus.Ok;
    }

    public override void CallStatus(out int code, out ReadOnlySpan<byte> message)
    {
        code = 0;
        message = default;
        if (_answer is { Failed: true } failed)
        {
            code = (int)WasmStatus.BrokenConnection;
            message = failed.ResponseBody.Written;
        }
        else if (_grpc is { } grpc)
        {
            code = grpc.Status;
            message = grpc.StatusText;
        }
    }

    public IReadOnlyDictionary<string, Cluster> Clusters(WasmContext asker) =>
        asker is StreamContext { Id: > 0 } stream ? stream.Clusters : (Worker?.Installing ?? Worker?.Server.Current)?.Clusters ?? NoClusters;

    /// <summary>The answer of a call is here, or will never be.</summary>
    public void OnAnswer(GuestCall asked, HttpCall call)
    {
        if (!_calls.Remove(asked.Id) || Id == 0) return;
        _answer = call;
        var stream = asked.Stream;
        var http = stream as HttpContext;
        var trace = http?.Stream.Trace;
        trace?.Begin(http!.FilterName, "OnHttpCallResponse", http.Stream.RequestHeaders, null, false);
        Vm.Trace = trace is null ? null : (function, arguments, result) => trace.Call(function, arguments, result, "");
        bool ok = call.Failed ? Vm.Call(this, Vm.Exports.HttpCallResponse, asked.Id, 0, 0, 0)
            : Vm.Call(this, Vm.Exports.HttpCallResponse, asked.Id, call.Response.Count, call.ResponseBody.Length, call.ResponseTrailers.Count);
        trace?.End(ok ? "Done" : "Failed", http!.Stream.RequestHeaders, null);
        Vm.Trace = null;
        _answer = null;
        if (!ok) OnFailure(Vm.FailedOn as StreamContext ?? stream);
    }

    public override void Log(WasmLogLevel level, ReadOnlySpan<byte> text) => Say(_machine, Worker, _plugin.Name, level, text, "", 0);

    public static bool MaySay(WasmMachine machine, WasmLogLevel level) => machine.Logger.IsEnabled(LevelOf(level));

    private static LogLevel LevelOf(WasmLogLevel level) => level switch { WasmLogLevel.Trace => LogLevel.Trace, WasmLogLevel.Debug => LogLevel.Debug, WasmLogLevel.Info => LogLevel.Information, WasmLogLevel.Warn => LogLevel.Warning, WasmLogLevel.Error => LogLevel.Error, _ => LogLevel.Critical };

    /// <summary>A guest's words: to the log, and to whoever listens to events.</summary>
    public static void Say(WasmMachine machine, Worker? worker, string name, WasmLogLevel level, ReadOnlySpan<byte> text, string requestId, long version)
    {
        var at = LevelOf(level);
        if (!machine.Logger.IsEnabled(at)) return;
        string words = Encoding.UTF8.GetString(text[..Math.Min(text.Length, 8192)]).TrimEnd('\n');
        if (requestId.Length > 0) Wasm.Log.ModuleSaidOnStream(machine.Logger, at, name, words, machine.Program.VmId, worker?.Id ?? -1, requestId, version);
        else Wasm.Log.ModuleSaid(machine.Logger, at, name, words, machine.Program.VmId, worker?.Id ?? -1);
        worker?.Server.ScriptSaid(worker, at, name, words, requestId, version);
    }

    private void OnTick()
    {
        if (_quiet || Id == 0 || Worker is not { } worker) return;
        long before = Vm.Ticks;
        if (!Vm.Call(this, Vm.Exports.Tick)) { OnFailure(Vm.FailedOn as StreamContext); return; }
        long took = (Vm.Ticks - before) / (System.Diagnostics.Stopwatch.Frequency / 1_000_000);
        if (_tickMicros > 0 && !_quiet) worker.Timers.Arm(_tick, Math.Max(_tickMicros, took * IdleShare));
    }

    private void OnQueue(int id)
    {
        if (_quiet || Id == 0) return;
        if (!Vm.Call(this, Vm.Exports.QueueReady, id)) OnFailure(Vm.FailedOn as StreamContext);
    }

    private static readonly Dictionary<string, Cluster> NoClusters = [];
}
