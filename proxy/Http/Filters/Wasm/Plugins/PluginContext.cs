using System.Text;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Calls;
using Managed.Proxy.Http.Filters.Wasm.Calls;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Upstream;
using Microsoft.Extensions.Logging;

namespace Managed.Proxy.Http.Filters.Wasm.Plugins;

/// <summary>A plugin's root context in one VM: its life cycle, ticks, queues, and the calls that it and its streams make.</summary>
internal sealed partial class PluginContext : WasmContext
{
    private const long DoneMicros = 5_000_000; // how long a plugin that asks for it may live on
    private const long MaxHeld = 16 << 20;     // bytes of messages on their way
    private const int MaxCallBackBytes = 1 << 20, MaxPosted = 1000;
    private const int MaxName = 4096, MaxQueueName = 1024;
    // An answer may ask for the next call, and that for the next. What is longer than any chain that serves a request goes on ever more
    // slowly.
    private const int LongChain = 8, MostDelays = 20;
    private const long ChainDelayMicros = 100_000;
    // Charged for the host's own work on calls that no request waits for. Estimates: with 30 for an HTTP call, answers that beget calls
    // took 21 to 34 % of a core, with 100 15 to 29 %.
    private const long HttpCallMicros = 100, GrpcCallMicros = 200;

    private readonly WasmPlugin _plugin;
    private readonly WasmMachine _machine;
    private readonly WheelTimer _tick, _doneTimer;
    private readonly Dictionary<int, GuestCall> _calls = [];
    private readonly Dictionary<int, int> _messages = []; // by queue: of how many the guest is still to be told
    private readonly IdleWork _idle;
    private long _tickMicros, _callBackBytes;
    private int _posted; // call-backs on their way to this worker
    private int _chain; // within an answer: how many there were before it
    private bool _configuring, _quiet;
    private Action? _ended; // while the guest delays its end
    private HttpCall? _answer; // within its callback
    private byte[]? _arguments; // of a foreign function, within its callback
    private GuestWords? _words; // while it starts
    private readonly StreamTrace? _trace; // of what it does for no stream
    private readonly Action<string, string, string>? _traceCall;
    private HashSet<int>? _queues; // that it has registered

    public PluginContext(WasmPlugin plugin, WasmMachine machine, WasmVm vm)
    {
        _plugin = plugin;
        _machine = machine;
        Vm = vm;
        _tick = new WheelTimer(static s => ((PluginContext)s!).OnTick(), this);
        _doneTimer = new WheelTimer(static s => ((PluginContext)s!).OnEnded(), this);
        _idle = new IdleWork(this);
        if (!vm.Program.Imports.Traced) return;
        var trace = _trace = new StreamTrace();
        _traceCall = (function, arguments, result) => trace.Call(function, arguments, result, "");
    }

    public override WasmContext Root => this;
    public WasmPlugin Plugin => _plugin;
    public WasmMachine Machine => _machine;
    public WorkerContext? Worker => Vm.Worker;

    /// <summary>CPU time that its start took, in microseconds.</summary>
    public long StartMicros { get; private set; }

    /// <summary>Creates, starts and configures it; false with the reason.</summary>
    public bool TryStart(out string error)
    {
        Vm.Starting = true;
        long began = Libc.ThreadCpuMicros();
        _words = new GuestWords();
        TraceBegin("OnStart");
        error = Start();
        TraceEnd(error.Length == 0);
        error += error.Length > 0 ? _words.Said() : "";
        _words = null;
        Vm.Starting = _configuring = false;
        StartMicros = Libc.ThreadCpuMicros() - began;
        return error.Length == 0;
    }

    private string Start()
    {
        if (!Vm.Add(this, 0)) return "it fails at the creation of its context: " + Vm.Failure;
        if (!Vm.Call(this, Vm.Exports.VmStart, Vm.Program.Configuration.Length, 1, out int started))
            return "it fails at its start: " + Vm.Failure;
        if (started == 0) return "it refuses to start (proxy_on_vm_start)";
        _configuring = true;
        if (!Vm.Call(this, Vm.Exports.Configure, _plugin.Configuration.Length, 1, out int configured))
            return "it fails at its configuration: " + Vm.Failure;
        return configured == 0 ? "it refuses its configuration (proxy_on_configure)" : "";
    }

    /// <summary>On its worker from now on.</summary>
    public void Bind(WorkerContext worker)
    {
        if (_trace is { } trace) StreamTrace.SinkOf(worker)?.Invoke(trace);
        if (_tickMicros > 0) worker.Timers.Arm(_tick, _tickMicros);
        foreach (int queue in _queues ?? []) Listen(queue);
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
        _idle.Clear();
        foreach (int queue in _queues ?? []) Vm.Program.Queues.Leave(queue, this);
        _queues = null;
        // Streams that wait for an answer in a VM that failed still get theirs.
        if (!Vm.HasFailed) CancelCalls();
    }

    /// <summary>It did not start, or its VM goes: as <see cref="Quiet"/>, and nobody waits for an answer.</summary>
    public void Abandon()
    {
        Quiet();
        CancelCalls();
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
        headers = map == WasmMap.CallResponseHeaders ? _answer?.Response : map == WasmMap.CallResponseTrailers ? _answer?.ResponseTrailers
            : null;
        if (_answer is { Failed: true }) headers = null; // there is none, but one may ask
        if (_grpc is { } grpc && map is WasmMap.GrpcInitialMetadata or WasmMap.GrpcTrailingMetadata) headers = grpc.Metadata;
        return map is WasmMap.CallResponseHeaders or WasmMap.CallResponseTrailers ? _answer is not null
            : map is WasmMap.GrpcInitialMetadata or WasmMap.GrpcTrailingMetadata && _grpc is not null;
    }

    public override bool TryBuffer(WasmBuffer buffer, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        switch (buffer)
        {
            case WasmBuffer.VmConfiguration: bytes = Vm.Program.Configuration; return true;
            case WasmBuffer.PluginConfiguration: bytes = _plugin.Configuration; return true;
            case WasmBuffer.CallResponseBody when _answer is { } answer:
                bytes = answer.Failed ? default : answer.ResponseBody.Written; return true;
            case WasmBuffer.GrpcMessage when _grpc is { } grpc: bytes = grpc.Message; return true;
            case WasmBuffer.ForeignFunctionArguments when _arguments is { } arguments: bytes = arguments; return true;
            default: return false;
        }
    }

    /// <summary>Within its configuration: proxy_get_configuration means that one.</summary>
    public override bool IsConfiguring => _configuring;

    public override bool TryProperty(ReadOnlySpan<byte> path, ByteWriter into) => Properties.TryWrite(path, null, null, this, into);

    public override bool TryForeign(ReadOnlySpan<byte> name, ReadOnlySpan<byte> arguments, ByteWriter result, out WasmStatus status)
        => ForeignFunctions.TryCall(this, name, arguments, result, out status);

    public override WasmStatus SetTickPeriod(uint milliseconds)
    {
        _tickMicros = milliseconds * 1000L;
        if (Worker is not { } worker || _quiet) return WasmStatus.Ok; // armed when it is bound
        if (_tickMicros == 0) worker.Timers.Remove(_tick); else worker.Timers.Arm(_tick, _tickMicros);
        return WasmStatus.Ok;
    }

    public override WasmStatus RegisterQueue(ReadOnlySpan<byte> name, out int id)
    {
        id = 0;
        if (name.Length > MaxQueueName) return WasmStatus.BadArgument;
        id = Vm.Program.Queues.Register(Vm.VmId, Encoding.UTF8.GetString(name));
        if (id == 0) return WasmStatus.InternalFailure;
        // A VM that only tries a configuration must not take the messages away from those in service.
        if ((_queues ??= []).Add(id) && Worker is not null && !_quiet) Listen(id);
        return WasmStatus.Ok;
    }

    private void Listen(int id) => Vm.Program.Queues.Listen(id, this, OnMessage);

    /// <summary>Calls proxy_on_foreign_function a little later, on this worker. False: too much waits already.</summary>
    public bool CallBackLater(int function, ReadOnlySpan<byte> arguments)
    {
        if (_idle.IsFull || _posted >= MaxPosted || _callBackBytes + arguments.Length > MaxCallBackBytes) return false;
        _callBackBytes += arguments.Length;
        _posted++;
        byte[] bytes = arguments.ToArray();
        Vm.WhenInService(() => Worker!.Post(static s =>
        {
            var (root, number, given) = ((PluginContext, int, byte[]))s!;
            root._posted--;
            if (root._quiet) return;
            root._idle.Add(() => root.CallBack(number, given));
        }, (this, function, bytes)));
        return true;
    }

    private void CallBack(int function, byte[] arguments)
    {
        _callBackBytes -= arguments.Length;
        if (_quiet || Id == 0) return;
        _arguments = arguments;
        TraceBegin("OnForeignFunction");
        bool ok = Vm.Call(this, Vm.Exports.ForeignFunction, function, arguments.Length);
        TraceEnd(ok);
        _arguments = null;
        if (!ok) OnFailure(Vm.FailedOn as StreamContext);
    }

    public override WasmStatus HttpCall(WasmContext asker, ReadOnlySpan<byte> upstream, ReadOnlySpan<byte> headers, ReadOnlySpan<byte> body,
        ReadOnlySpan<byte> trailers, int timeoutMs, out int id)
    {
        id = 0;
        if (timeoutMs < 0 || upstream.IsEmpty || upstream.Length > MaxName) return WasmStatus.BadArgument;
        if (!MayCall(body.Length)) return WasmStatus.InternalFailure;
        string name = Encoding.UTF8.GetString(upstream);
        var request = new HeaderMap();
        var tail = new HeaderMap();
        if (!GuestCall.TryRead(headers, request, pseudo: true) || !GuestCall.TryRead(trailers, tail, pseudo: false))
            return WasmStatus.BadArgument;
        if (!request.Has(HeaderId.Method) || !request.Has(HeaderId.Path) || !request.Has(HeaderId.Authority)) return WasmStatus.BadArgument;
        if (Worker is not null && !Clusters(asker).ContainsKey(name)) return WasmStatus.BadArgument;
        byte[] bytes = body.ToArray();
        id = Vm.NextCallId();
        var call = _calls[id] = new GuestCall(asker, id, OnAnswer) { Chain = Chain(asker, HttpCallMicros), Size = bytes.Length };
        Vm.WhenInService(() => Begin(call.Chain, () => Send(call, name, request, bytes, tail, timeoutMs * 1000L)));
        return WasmStatus.Ok;
    }

    private void Send(GuestCall call, string cluster, HeaderMap headers, byte[] body, HeaderMap trailers, long timeoutMicros)
    {
        var to = Clusters(call.Asker).GetValueOrDefault(cluster); // none only for a call from before there was a version
        call.Start(Worker!, to, cluster, headers, body, trailers, timeoutMicros);
    }

    // As many as the limit says, with no more in them than the host cares to hold.
    private bool MayCall(int size)
    {
        return _calls.Count + _grpcCalls.Count < Vm.Program.Limits.Calls && MayHold(size);
    }

    private bool MayHold(int size)
    {
        long held = size;
        foreach (var call in _calls.Values) held += call.Size;
        foreach (var call in _grpcCalls.Values) held += call.Size;
        return held <= MaxHeld;
    }

    // How many calls led to the one that is being asked for; what no request waits for pays for it.
    private int Chain(WasmContext asker, long cost)
    {
        int chain = _answer is null && _grpc is null ? 0 : _chain + 1;
        // Two calls for each answer make as many as one likes in a few steps, so the stream's are counted too.
        if (asker is StreamContext { Id: > 0 } stream) return Math.Max(chain, stream.Asked++);
        _idle.Charge(cost);
        return chain;
    }

    private void Begin(int chain, Action start)
    {
        if (chain <= LongChain) start();
        else Worker!.Timers.Arm(new WheelTimer(static s => ((Action)s!)(), start),
            ChainDelayMicros * Math.Min(chain - LongChain, MostDelays));
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
        asker is StreamContext { Id: > 0 } stream ? stream.Clusters : Worker is { } worker ? VersionOn(worker)?.Clusters ?? NoClusters
        : NoClusters;

    private static Generation? VersionOn(WorkerContext worker) => worker.Installing as Generation ?? CurrentGeneration.Of(worker).Value;

    // The stream that asked, while it lives: a context is used again for another.
    private static StreamContext? StreamOf(WasmContext? asker, int id)
        => asker is StreamContext stream && id > 0 && stream.Id == id ? stream : null;

    // The answer of a call is here, or will never be.
    private void OnAnswer(GuestCall asked, HttpCall call)
    {
        if (StreamOf(asked.Asker, asked.AskerId) is null) _idle.Add(() => Deliver(asked, call)); else Deliver(asked, call);
    }

    // Until here it counts as under way: answers that wait for the guest's turn are held in memory like any other.
    private void Deliver(GuestCall asked, HttpCall call)
    {
        if (!_calls.Remove(asked.Id) || Id == 0) return;
        _answer = call;
        _chain = asked.Chain;
        var stream = StreamOf(asked.Asker, asked.AskerId);
        var http = stream?.Http;
        var trace = http?.Trace;
        if (trace is null) TraceBegin("OnHttpCallResponse");
        else
        {
            trace.Begin(stream!.FilterName, "OnHttpCallResponse", http!.RequestHeaders, null, false);
            Vm.Trace = (function, arguments, result) => trace.Call(function, arguments, result, "");
        }
        bool ok = call.Failed ? Vm.Call(this, Vm.Exports.HttpCallResponse, asked.Id, 0, 0, 0)
            : Vm.Call(this, Vm.Exports.HttpCallResponse, asked.Id, call.Response.Count, call.ResponseBody.Length,
                call.ResponseTrailers.Count);
        if (trace is null) TraceEnd(ok);
        else
        {
            if (!ok) trace.Failed($"{_plugin.Name}: {Vm.Failure}");
            trace.End(ok ? "Done" : "Failed", http!.RequestHeaders, null);
            Vm.Trace = null;
        }
        _answer = null;
        if (!ok) OnFailure(Vm.FailedOn as StreamContext ?? stream);
    }

    public override void Log(WasmLogLevel level, ReadOnlySpan<byte> text)
    {
        _words?.Hear(level, text);
        Say(_machine, Worker, _plugin.Name, level, text, "", 0);
    }

    public static bool MaySay(WasmMachine machine, WasmLogLevel level) => machine.Logger.IsEnabled(LevelOf(level));

    private static LogLevel LevelOf(WasmLogLevel level)
        => level switch { WasmLogLevel.Trace => LogLevel.Trace, WasmLogLevel.Debug => LogLevel.Debug,
            WasmLogLevel.Info => LogLevel.Information, WasmLogLevel.Warn => LogLevel.Warning, WasmLogLevel.Error => LogLevel.Error,
                _ => LogLevel.Critical };

    /// <summary>A guest's words: to the log, and to whoever listens to events.</summary>
    public static void Say(WasmMachine machine, WorkerContext? worker, string name, WasmLogLevel level, ReadOnlySpan<byte> text,
        string requestId, long version)
    {
        var at = LevelOf(level);
        if (!machine.Logger.IsEnabled(at)) return;
        if (!machine.LogBudget(worker).TryTake(Math.Min(text.Length, LogText.MaxBytes), out long dropped))
        {
            worker?.Stats.Increment(machine.Stats.LogDropped);
            return;
        }
        string words = LogText.OneLine(text);
        Write(machine, worker?.Id ?? -1, name, at, words, requestId, version, dropped);
        worker?.Reports.ModuleSaid(worker, at, name, machine.Program.VmId, words, requestId, version);
    }

    // Off the worker: a guest may write five hundred at once.
    private static void Write(WasmMachine machine, int worker, string name, LogLevel level, string words, string requestId, long version,
        long dropped) => Chores.Add(() =>
    {
        if (dropped > 0) Plugins.Log.LinesDropped(machine.Logger, dropped, machine.Name, worker);
        if (requestId.Length > 0)
            Plugins.Log.ModuleSaidOnStream(machine.Logger, level, name, words, machine.Program.VmId, worker, requestId, version);
        else Plugins.Log.ModuleSaid(machine.Logger, level, name, words, machine.Program.VmId, worker);
    });

    // What a sandbox shows of callbacks that belong to no stream; nothing in normal service.
    private void TraceBegin(string hook)
    {
        _trace?.Begin(_plugin.Name, hook, null, null, false);
        Vm.Trace = _traceCall;
    }

    private void TraceEnd(bool ok)
    {
        Vm.Trace = null;
        if (_trace is not { } trace) return;
        if (!ok && Vm.HasFailed) trace.Failed($"{_plugin.Name}: {Vm.Failure}");
        trace.End(ok ? "Done" : "Failed", null, null);
    }

    private void OnTick()
    {
        if (!_quiet) _idle.Add(Tick);
    }

    private void Tick()
    {
        if (_quiet || Id == 0 || _tickMicros == 0 || Worker is not { } worker) return;
        TraceBegin("OnTick");
        bool ok = Vm.Call(this, Vm.Exports.Tick);
        TraceEnd(ok);
        if (!ok) { OnFailure(Vm.FailedOn as StreamContext); return; }
        if (_tickMicros > 0 && !_quiet) worker.Timers.Arm(_tick, _tickMicros);
    }

    // On the sender's thread.
    private void OnMessage(int queue)
    {
        if (Worker is { } worker) worker.Post(static s => { var (root, id) = ((PluginContext, int))s!; root.OnQueue(id); }, (this, queue));
        else Vm.Program.Queues.Told(queue); // before it has a worker nobody is told
    }

    private void OnQueue(int id)
    {
        if (_quiet || Id == 0) { Vm.Program.Queues.Told(id); return; }
        // One place in the line for each queue, however many messages wait in it.
        int waiting = _messages.GetValueOrDefault(id);
        _messages[id] = waiting + 1;
        if (waiting == 0) _idle.Add(() => TellOfMessage(id));
    }

    private void TellOfMessage(int id)
    {
        Vm.Program.Queues.Told(id);
        if (_quiet || Id == 0) return;
        int left = _messages[id] - 1;
        _messages[id] = left;
        if (left > 0) _idle.Add(() => TellOfMessage(id));
        TraceBegin("OnQueueReady");
        bool ok = Vm.Call(this, Vm.Exports.QueueReady, id);
        TraceEnd(ok);
        if (!ok) OnFailure(Vm.FailedOn as StreamContext);
    }

    private static readonly Dictionary<string, Cluster> NoClusters = [];
}
