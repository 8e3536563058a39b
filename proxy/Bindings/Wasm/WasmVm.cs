using System.Diagnostics.CodeAnalysis;
using System.Diagnostics;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Telemetry;
using Wasmtime;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>
/// One instance of a program with its memory, used by one thread at a time: made on a control thread, then only on its worker. Guest code
/// runs inside <c>Call</c> alone; it never runs twice at once, but for its allocator, which host functions call to hand values over.
/// </summary>
internal sealed class WasmVm : IDisposable
{
    private const int StrictShare = 3;
    private const long LateMicros = 40_000; // by the clock: below this a thread may just not have been let run

    [ThreadStatic] private static WasmVm? t_running;

    private readonly Store _store;
    private readonly Dictionary<int, WasmContext> _contexts = [];
    private readonly List<(WasmContext Context, int Id, WasmStream Stream)> _resume = [];
    private GuestExports _exports = null!;
    private Memory? _memory;
    private WasmContext? _current, _effective;
    private int _lastId, _lastCall;
    private bool _allocating, _overBudget, _disposed;
    // Within a host function: where the memory is. Asking the engine costs more than most of what is done with it.
    private bool _memoryKnown;
    private long _memoryLength;
    private nint _memoryStart;
    private long _cpuBase, _cpuBudget, _began, _collected;
    private List<Action>? _whenBound = [];
    private int _users;
    private string? _whileAllocating; // how the allocator failed in this call
    private Action? _onUnused;

    private WasmVm(WasmProgram program)
    {
        Program = program;
        _store = new Store(WasmEngine.Shared);
        _store.SetLimits(program.Limits.Memory, (uint)program.Limits.TableElements, 1, null, 1);
        _store.SetEpochDeadlineCallback(OnDeadline);
        WasmEngine.Enter();
    }

    public WasmProgram Program { get; }
    public GuestExports Exports => _exports;
    public string VmId => Program.VmId;
    /// <summary>The worker it belongs to; null as long as it is being prepared.</summary>
    public WorkerContext? Worker { get; private set; }
    /// <summary>Where its metrics are counted; null before that.</summary>
    public StatsCells? Cells => Worker?.Stats;
    /// <summary>Why a call failed, last; empty when none did.</summary>
    public string Failure { get; private set; } = "";
    /// <summary>A call has failed: what its memory holds is not to be trusted for new streams.</summary>
    public bool HasFailed { get; private set; }
    /// <summary>Whether the last failure was the CPU budget.</summary>
    public bool OverBudget => _overBudget;
    /// <summary>
    /// How long the last call held the thread, microseconds, when it failed late: over its budget, or in the end of an instruction that the
    /// engine cannot stop (filling memory that is all new takes as long as the system takes to give it). Else 0.
    /// </summary>
    public long HeldMicros { get; private set; }
    /// <summary>Bytes of linear memory, as of the end of the last call; for other threads, which may not look.</summary>
    public long MemorySeen { get; private set; }
    public GuestCallTimes Times { get; set; } = new();
    /// <summary>For values on their way to the guest; each user clears it.</summary>
    public ByteWriter Scratch { get; } = new(256);
    /// <summary>For what the guest writes to its output; it may do so while a value is on its way to it.</summary>
    public ByteWriter Output { get; } = new(256);
    /// <summary>Told of each host call; null in normal service.</summary>
    public Action<string, string, string>? Trace { get; set; }
    public IReadOnlyDictionary<int, WasmContext> Contexts => _contexts;

    /// <summary>The VM whose guest runs on this thread.</summary>
    internal static WasmVm Running => t_running!;

    /// <summary>
    /// Instantiates and starts; null with the reason when the guest fails at it. A control thread or, to replace one, its worker.
    /// </summary>
    /// <param name="program">What it runs.</param>
    /// <param name="log">Where the guest's own words go while it has no context.</param>
    /// <param name="error">Why it does not start.</param>
    /// <param name="startBudget">CPU time of its start and of each call while it is <see cref="Starting"/>; null: the program's
    /// limit.</param>
    public static WasmVm? Create(WasmProgram program, WasmContext log, out string error, TimeSpan? startBudget = null)
    {
        var vm = new WasmVm(program) { StartBudget = startBudget ?? program.Limits.CpuOnStart };
        error = "";
        var before = t_running;
        vm._current = log;
        vm.Arm(vm.StartBudget);
        t_running = vm;
        try
        {
            var instance = program.Imports.Linker.Instantiate(vm._store, program.Module.Compiled);
            vm._exports = new GuestExports(instance);
            vm._memory = instance.GetMemory("memory");
            // A reactor, whose main may do more; or a command; or, what Envoy would not start at all, a main alone.
            vm._exports.Initialize?.Invoke();
            if (vm._exports is { Initialize: null, Start: { } start }) start();
            else if (vm._exports.Main is { } main) main(0, 0);
            else vm._exports.MainVoid?.Invoke();
            vm.MemorySeen = vm._memory!.GetLength();
            return vm;
        }
        catch (WasmtimeException e) when (e.InnerException is WasmExit { Code: 0 } && vm._exports is not null)
        {
            vm.MemorySeen = vm._memory!.GetLength();
            return vm; // _start has ended as a program does; a start section that does so leaves no instance
        }
        catch (WasmtimeException e)
        {
            error = vm.Describe(e);
            vm.Dispose();
            return null;
        }
        finally
        {
            t_running = before;
            vm._current = null;
        }
    }

    /// <summary>From now on it belongs to a worker. On the worker.</summary>
    public void Bind(WorkerContext worker) => Worker = worker;

    /// <summary>What it asked for while it was prepared is done now. On the worker.</summary>
    public void Begin()
    {
        var waiting = _whenBound;
        _whenBound = null;
        foreach (var action in waiting ?? []) action();
    }

    /// <summary>
    /// Does it at once, or when it is in service: a call needs a worker, and the clusters of a version that is published.
    /// </summary>
    public void WhenInService(Action action)
    {
        if (_whenBound is { } waiting) { if (waiting.Count < 1000) waiting.Add(action); }
        else action();
    }

    /// <summary>A stream begins to use it; until as many have left, it stays.</summary>
    public void Hold() => _users++;

    public void LetGo()
    {
        if (--_users == 0) _onUnused?.Invoke();
    }

    /// <summary>Nothing new begins here: <paramref name="unused"/> is called now, or when the last stream has left.</summary>
    public void Retire(Action unused)
    {
        _onUnused = unused;
        if (_users == 0) unused();
    }

    /// <summary>Calls from now on have the budget of a start; else that of a callback.</summary>
    public bool Starting { get; set; }
    /// <summary>CPU time of a start; on a worker, where everybody waits for it, less than the program's limit.</summary>
    public TimeSpan StartBudget { get; set; }

    /// <summary>
    /// The record of its failures; while that is strict a call has a third of its budget. Set when it is its worker's; null: none is kept.
    /// </summary>
    public Quarantine? Quarantine { get; set; }

    /// <summary>Ends it; nothing runs in it, and its contexts are forgotten by who made them.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        // Timers and answers that still hold on to one find that it is over.
        foreach (var context in _contexts.Values) context.Id = 0;
        _contexts.Clear();
        WasmEngine.Leave(_store, MemorySeen);
    }

    // ---- contexts

    /// <summary>Gives the context a number and tells the guest of it. False: the guest failed at it.</summary>
    public bool Add(WasmContext context, int parent)
    {
        do _lastId = _lastId == int.MaxValue ? 1 : _lastId + 1;
        while (!_contexts.TryAdd(_lastId, context));
        context.Id = _lastId;
        return Call(context, _exports.ContextCreate, parent);
    }

    /// <summary>The number is free again; the guest has been told, or is past hearing.</summary>
    public void Remove(WasmContext context)
    {
        MemorySeen = _memory!.GetLength();
        _contexts.Remove(context.Id);
        context.Id = 0;
        if (ReferenceEquals(_effective, context)) _effective = null;
    }

    /// <summary>What host functions work on; null outside of any (while the guest starts or allocates).</summary>
    public WasmContext? Context => _allocating ? null : _effective is { Id: > 0 } other ? other : _current;
    public WasmContext? Logger => Context ?? _current;
    /// <summary>
    /// Within the guest's allocator nothing but its words and the time: a value is on its way to it, and its own state is half changed.
    /// </summary>
    public bool IsAllocating => _allocating;

    public WasmStatus SetEffective(int id)
    {
        if (!_contexts.TryGetValue(id, out var context)) return WasmStatus.BadArgument;
        _effective = context;
        return WasmStatus.Ok;
    }

    /// <summary>The context whose call failed or was redirected to, for whoever has to answer for it.</summary>
    public WasmContext? FailedOn { get; private set; }

    public void ResumeLater(WasmContext context, WasmStream stream) => _resume.Add((context, context.Id, stream));

    /// <summary>A number for a call to elsewhere, the only one of its kind in the VM: SDKs keep one table for all plugins.</summary>
    public int NextCallId() => _lastCall = _lastCall == int.MaxValue ? 1 : _lastCall + 1;

    // ---- calls into the guest; false: it failed, and Failure says how

    public bool Call(WasmContext context, GuestCallback<Action<int>> callback)
    {
        if (callback.Function is not { } f) return true;
        var before = Enter(context, out long began);
        try { f(context.Id); return true; }
        catch (WasmtimeException e) { return Fail(e); }
        finally { Leave(before, callback.Kind, began); }
    }

    public bool Call(WasmContext context, GuestCallback<Action<int, int>> callback, int a)
    {
        if (callback.Function is not { } f) return true;
        var before = Enter(context, out long began);
        try { f(context.Id, a); return true; }
        catch (WasmtimeException e) { return Fail(e); }
        finally { Leave(before, callback.Kind, began); }
    }

    public bool Call(WasmContext context, GuestCallback<Action<int, int, int>> callback, int a, int b)
    {
        if (callback.Function is not { } f) return true;
        var before = Enter(context, out long began);
        try { f(context.Id, a, b); return true; }
        catch (WasmtimeException e) { return Fail(e); }
        finally { Leave(before, callback.Kind, began); }
    }

    public bool Call(WasmContext context, GuestCallback<Action<int, int, int, int, int>> callback, int a, int b, int c, int d)
    {
        if (callback.Function is not { } f) return true;
        var before = Enter(context, out long began);
        try { f(context.Id, a, b, c, d); return true; }
        catch (WasmtimeException e) { return Fail(e); }
        finally { Leave(before, callback.Kind, began); }
    }

    /// <param name="absent">The result when the guest has no such callback.</param>
    public bool Call(WasmContext context, GuestCallback<Func<int, int>> callback, int absent, out int result)
    {
        result = absent;
        if (callback.Function is not { } f) return true;
        var before = Enter(context, out long began);
        try { result = f(context.Id); return true; }
        catch (WasmtimeException e) { return Fail(e); }
        finally { Leave(before, callback.Kind, began); }
    }

    /// <inheritdoc cref="Call(WasmContext, GuestCallback{Func{int, int}}, int, out int)"/>
    public bool Call(WasmContext context, GuestCallback<Func<int, int, int>> callback, int a, int absent, out int result)
    {
        result = absent;
        if (callback.Function is not { } f) return true;
        var before = Enter(context, out long began);
        try { result = f(context.Id, a); return true; }
        catch (WasmtimeException e) { return Fail(e); }
        finally { Leave(before, callback.Kind, began); }
    }

    /// <inheritdoc cref="Call(WasmContext, GuestCallback{Func{int, int}}, int, out int)"/>
    public bool Call(WasmContext context, GuestCallback<Func<int, int, int, int>> callback, int a, int b, int absent, out int result)
    {
        result = absent;
        if (callback.Function is not { } f) return true;
        var before = Enter(context, out long began);
        try { result = f(context.Id, a, b); return true; }
        catch (WasmtimeException e) { return Fail(e); }
        finally { Leave(before, callback.Kind, began); }
    }

    // ---- memory; addresses and sizes are unsigned, whatever their type says

    /// <summary>A range of the guest's memory, valid until the guest runs again; false when it is not all in it.</summary>
    public bool TryRead(int address, int size, out ReadOnlySpan<byte> bytes)
    {
        bool ok = TrySpan(address, size, out var span);
        bytes = span;
        return ok;
    }

    public unsafe bool TrySpan(int address, int size, out Span<byte> bytes)
    {
        bytes = default;
        if (!_memoryKnown)
        {
            if (_memory is not { } memory) return false;
            (_memoryLength, _memoryStart, _memoryKnown) = (memory.GetLength(), memory.GetPointer(), true);
        }
        if ((ulong)(uint)address + (uint)size > (ulong)_memoryLength) return false;
        bytes = new Span<byte>((byte*)_memoryStart + (uint)address, size); // below 2 GiB: the limit on memory sees to it
        return true;
    }

    public bool IsWritable(int address, int size) => TrySpan(address, size, out _);

    public bool TryWrite(int address, int value)
    {
        if (!TrySpan(address, 4, out var span)) return false;
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(span, value);
        return true;
    }

    public bool TryWrite(int address, long value)
    {
        if (!TrySpan(address, 8, out var span)) return false;
        System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(span, value);
        return true;
    }

    /// <summary>
    /// Hands a value over: memory from the guest's allocator, exactly as much as the value has (AssemblyScript takes the length from the
    /// allocation), none for an empty one (Go's cannot give zero bytes), its address and size written to the two places.
    /// </summary>
    /// <param name="allocateEmpty">For an empty value too, where the guest's allocator can.</param>
    public WasmStatus Return(ReadOnlySpan<byte> value, int addressOut, int sizeOut, bool allocateEmpty = false)
    {
        if (!IsWritable(addressOut, 4) || !IsWritable(sizeOut, 4)) return WasmStatus.InvalidMemoryAccess;
        int address = 0;
        if (value.Length > 0 || (allocateEmpty && _exports is { AllocatesNothing: true }))
        {
            if (_allocating || _exports?.Allocate is not { } allocate) return WasmStatus.InternalFailure;
            _allocating = true;
            try { address = allocate(value.Length); }
            catch (WasmtimeException e) when (Note(e)) { throw; } // what comes out of the host function says less
            finally { _allocating = _memoryKnown = false; } // it may have grown or moved the memory
            if ((address == 0 && value.Length > 0) || !TrySpan(address, value.Length, out var place)) return WasmStatus.InvalidMemoryAccess;
            value.CopyTo(place);
        }
        TryWrite(addressOut, address);
        TryWrite(sizeOut, value.Length);
        return WasmStatus.Ok;
    }

    /// <summary>Called first by each host function: a guest may call out before its instance is known here.</summary>
    internal static WasmVm From(Caller caller)
    {
        var vm = t_running!;
        vm._memory ??= caller.GetMemory("memory");
        vm._memoryKnown = false; // the guest has run since
        return vm;
    }

    private WasmVm? Enter(WasmContext context, out long began)
    {
        Debug.Assert(t_running is null || !ReferenceEquals(t_running, this), "the guest is entered twice");
        var before = t_running;
        t_running = this;
        _current = context;
        _effective = null;
        Arm(Starting ? StartBudget : Quarantine is { } record
            && record.IsStrict(Worker!.NowMicros) ? Program.Limits.CpuPerCall / StrictShare : Program.Limits.CpuPerCall);
        began = _began;
        return before;
    }

    private void Leave(WasmVm? before, WasmCallback callback, long began)
    {
        if (_disposed) return;
        Times.Record(callback, Stopwatch.GetTimestamp() - began);
        t_running = before;
        FailedOn = _effective is { Id: > 0 } other ? other : _current;
        _current = _effective = null;
        // Streams look once, at their end.
        if (callback < WasmCallback.NewConnection) MemorySeen = _memory!.GetLength();
        if (_resume.Count > 0 && before is null) ResumeAll();
    }

    // Streams that the guest let go on: their next filters may lead back into it, so not before it has returned.
    private void ResumeAll()
    {
        for (int i = 0; i < _resume.Count; i++)
        {
            var (context, id, stream) = _resume[i];
            if (context.Id == id && ReferenceEquals(context.Vm, this)) context.Resume(stream);
        }
        _resume.Clear();
    }

    private long WallMicros => (Stopwatch.GetTimestamp() - _began) / (Stopwatch.Frequency / 1_000_000);

    private void Arm(TimeSpan budget)
    {
        _began = Stopwatch.GetTimestamp();
        _collected = WasmEngine.CollectedMicros();
        _cpuBase = long.MinValue;
        _cpuBudget = (long)budget.TotalMicroseconds;
        _overBudget = false;
        HeldMicros = 0;
        _whileAllocating = null;
        _store.SetEpochDeadline(1);
    }

    // The clock has moved on within a call. What counts is the thread's CPU time: a worker that the system does not let run is not the
    // guest's fault.
    private ulong OnDeadline(Store store)
    {
        CheckBudget();
        return 1;
    }

    /// <summary>
    /// Ends the present call when it has used up its time. For host functions that work long: the engine looks only while the guest itself
    /// runs.
    /// </summary>
    public void CheckBudget()
    {
        long now = WasmEngine.ThreadMicros();
        // Asking at the start would cost more than most calls. At the first look the call has run for as long as the wall says, but no
        // longer than a tick; where the system did not let it run, that is what it loses of its budget, half of it at most.
        if (_cpuBase == long.MinValue) _cpuBase = now - Math.Min(WallMicros, Math.Min(WasmEngine.TickMs * 1000, _cpuBudget / 2));
        // A collection on this thread is not the guest's time; but twice the budget is the end.
        if (now - _cpuBase - Math.Min(WasmEngine.CollectedMicros() - _collected, _cpuBudget) < _cpuBudget) return;
        _overBudget = true;
        HeldMicros = now - _cpuBase;
        throw new WasmExit(-1);
    }

    private bool Fail(WasmtimeException e)
    {
        HasFailed = true;
        if (!_overBudget && WallMicros is > LateMicros and var late) HeldMicros = late;
        Failure = _whileAllocating is { } reason ? reason + ", while it allocated memory" : Describe(e);
        return false;
    }

    private bool Note(WasmtimeException e)
    {
        _whileAllocating = Describe(e);
        return false;
    }

    private string Describe(WasmtimeException e)
    {
        string what = _overBudget ? $"it ran longer than {_cpuBudget / 1000.0:0.#} ms of CPU time"
            : e.InnerException is WasmExit exit ? $"it called proc_exit({exit.Code})"
            : e.InnerException is { } inner ? "internal error: " + inner
            : e is TrapException trap ? trap.Type switch
            {
                TrapCode.Unreachable => "unreachable: the guest gave up",
                TrapCode.MemoryOutOfBounds => "memory access out of bounds",
                TrapCode.StackOverflow => "stack overflow",
                TrapCode.IntegerDivisionByZero => "division by zero",
                TrapCode.IndirectCallToNull => "call of an empty table entry",
                TrapCode.BadSignature => "call of a function of another type",
                var other => other.ToString(),
            }
            : e.Message.ReplaceLineEndings(" ").Trim();
        var frames = e.Frames?.Select(f => f.FunctionName).OfType<string>().Where(n => n.Length > 0).Take(6).ToList() ?? [];
        return frames.Count > 0 ? $"{what} (in {string.Join(" < ", frames)})" : what;
    }
}

/// <summary>Unwinds a guest that has ended itself, or is ended.</summary>
[SuppressMessage("Design", "CA1032", Justification = "never leaves the engine")]
internal sealed class WasmExit(int code) : Exception("exit")
{
    public int Code => code;
}
