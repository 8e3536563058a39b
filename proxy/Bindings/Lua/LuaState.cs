using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Managed.Proxy.Bindings.Lua;

/// <summary>
/// One Lua state with one script in it, used by one thread at a time: made on the control thread or on its worker, then only there.
/// <para>Stopping a script: a count hook looks at the budgets. When one is spent it yields, which within a hook only marks the thread, and
/// the host drops it; no pcall of the script sees that, and nothing is unwound. Below a C function that cannot be yielded across it makes
/// luaL_error itself the hook of every further instruction: the VM then raises between C frames only, until a frame is reached that can
/// yield.</para>
/// <para>Coroutines that failed or wait are never closed, only forgotten: closing runs the script's __close code outside any budget.</para>
/// </summary>
internal sealed unsafe class LuaState : IDisposable
{
    // Instructions between two looks at the budgets. With much memory, or where they turn out to be slow, fewer: one instruction may
    // compare two long strings, or look through a large table.
    private const int Quantum = 1000, LeastQuantum = LuaMemory.LeastQuantum;
    private const long QuietMemory = 256 << 10;
    private static readonly long SlowQuantum = Stopwatch.Frequency / 1000;

    private const int MaxMessage = 2000; // of an error

    private static long s_live;
    [ThreadStatic] private static LuaState? s_current;
    private static readonly nint RaiseHook = LuaApi.Export("luaL_error");
    private static readonly nint BudgetHook = (nint)(delegate* unmanaged[Cdecl]<nint, nint, void>)&OnCount;
    private static readonly nint DispatchAddress = (nint)(delegate* unmanaged[Cdecl]<nint, int>)&Dispatch;

    private readonly nint _main;
    private readonly LuaMemory* _memory;
    private readonly List<nint> _functions = [];
    private readonly List<string> _names = [];
    private readonly List<LuaCost> _costs = [];
    private readonly Dictionary<int, int> _metatables = [];
    // Of those that a crowd of streams needed at once; the script's collector takes the others.
    private const int KeptThreads = 64;
    private readonly Stack<LuaThread> _free = new();
    private readonly LuaLimits _limits;
    private readonly long _wallTicks;
    private long _calls, _deadline, _looked;
    private int _quantum = Quantum;
    private nint _caller; // of the host function
    private LuaThread? _running;
    private bool _closed;
    private string _place = ""; // where a budget ended

    /// <summary>Opens the libraries that scripts may have and runs the preludes.</summary>
    public LuaState(LuaLimits limits, params ReadOnlySpan<LuaLibrary> libraries)
    {
        Interlocked.Increment(ref s_live);
        _limits = limits;
        _wallTicks = (long)(limits.WallTime.TotalSeconds * Stopwatch.Frequency);
        _memory = LuaMemory.Create();
        _main = LuaApi.NewState(LuaMemory.AllocatorAddress, _memory);
        foreach (string name in (ReadOnlySpan<string>)["base", "coroutine", "table", "string", "math", "utf8", "os", "debug"]) Open(name);
        var before = s_current;
        s_current = this;
        try { foreach (var library in libraries) Load(library); }
        finally { s_current = before; }
        _memory->Limit = limits.Memory;
    }

    ~LuaState() => Close();

    /// <summary>Closes the state: on its own thread, with no call under way or waiting.</summary>
    public void Dispose()
    {
        if (_closed) return;
        Close();
        GC.SuppressFinalize(this);
    }

    private void Close()
    {
        _closed = true;
        Interlocked.Decrement(ref s_live);
        LuaApi.Close(_main);
        NativeMemory.Free(_memory);
    }

    /// <summary>States there are in the process.</summary>
    public static long Live => Volatile.Read(ref s_live);
    public LuaThread Running => _running!;
    public LuaBreach Breach { get; private set; }
    /// <summary>The message of the last failure, <c>script:line: text</c>.</summary>
    public string Error { get; private set; } = "";
    public long MemoryUsed => _memory->Used;
    /// <summary>What lies on the main thread's stack between two calls: nothing, or something leaks.</summary>
    public int StackDepth => LuaApi.GetTop(_main);
    /// <summary>As of the end of the last step; for other threads, which may not look into a state.</summary>
    public long MemorySeen { get; private set; }
    public long MemoryLimit => _limits.Memory;
    /// <summary>Something of the host's that goes with the state.</summary>
    public object? Tag { get; set; }

    /// <summary>Told of each call of a host function; null in normal service.</summary>
    public LuaTrace? Trace { get; set; }

    private int Traced(nint L, delegate*<LuaState, nint, int> function, string name)
    {
        var arguments = LuaTrace.Read(L, 2, LuaApi.GetTop(L)); // the first is the object
        string place = LuaTrace.Place(L);
        int count = function(this, L), top = LuaApi.GetTop(L);
        Trace?.Called(name, arguments, LuaTrace.Read(L, top - count + 1, top), place);
        return count;
    }

    /// <summary>Compiles text and runs it once, within the limits. False: <see cref="Error"/> says why.</summary>
    public bool Load(ReadOnlySpan<byte> text, string name)
    {
        var thread = Rent();
        fixed (byte* p = text, chunk = Encoding.UTF8.GetBytes("=" + name + "\0"), mode = "t\0"u8)
        {
            byte none = 0;
            if (LuaApi.LoadBuffer(thread.Handle, p is null ? &none : p, (nuint)text.Length, chunk, mode) != LuaApi.Ok)
            {
                Error = Message(thread.Handle);
                Drop(thread);
                return false;
            }
        }
        if (Resume(thread, 0) == LuaOutcome.Done) return true;
        if (Error.Length == 0) Error = name + ": the script waits while it is loaded";
        return false;
    }

    /// <summary>A handle for a global function; 0 when there is none of this name.</summary>
    public int FindFunction(ReadOnlySpan<byte> name)
    {
        LuaApi.RawGetI(_main, LuaApi.RegistryIndex, LuaApi.GlobalsIndex);
        LuaApi.Push(_main, name);
        bool found = LuaApi.RawGet(_main, -2) == LuaApi.TypeFunction;
        if (!found) LuaApi.Pop(_main, 1);
        int reference = found ? LuaApi.Ref(_main, LuaApi.RegistryIndex) : 0;
        LuaApi.Pop(_main, 1);
        return reference;
    }

    /// <summary>
    /// Calls a function with one object of this kind, in a thread of its own; waiting, the thread is to be resumed or dropped.
    /// </summary>
    public LuaOutcome Call(int function, object host, int kind, out LuaThread thread)
    {
        thread = Rent();
        thread.Host = host;
        LuaApi.RawGetI(thread.Handle, LuaApi.RegistryIndex, function);
        PushObject(thread.Handle, thread.CallId, kind, 0);
        return Resume(thread, 1);
    }

    /// <summary>Goes on after a wait.</summary>
    public LuaOutcome Resume(LuaThread thread) => Resume(thread, 0);

    /// <summary>Gives up a thread that waits.</summary>
    public void Drop(LuaThread thread)
    {
        thread.Host = null;
        thread.CallId = -1;
        LuaApi.Unref(_main, LuaApi.RegistryIndex, thread.Reference);
    }

    /// <summary>Counts work of a C function as instructions; over the budget the next instruction is the script's last.</summary>
    public void Charge(long instructions)
    {
        if ((_running!.Instructions += instructions) <= _limits.Instructions) return;
        LuaApi.SetHook(_caller, BudgetHook, LuaApi.MaskCount, 1);
    }

    /// <summary>The same. False: the budget is spent, and the work must not be done.</summary>
    public bool Spend(long instructions)
    {
        Charge(instructions);
        return InstructionsLeft >= 0;
    }

    public long InstructionsLeft => _limits.Instructions - _running!.Instructions;

    /// <summary>A coroutine of the script's: looked at often from its first instruction on, for what it will do is not known.</summary>
    public static void Watch(nint coroutine) => LuaApi.SetHook(coroutine, BudgetHook, LuaApi.MaskCount, Quantum / 10);

    private int NextQuantum() => (int)Math.Clamp(QuietMemory * Quantum / Math.Max(1, _memory->Used), LeastQuantum, _quantum);

    /// <summary>Pushes an object that lives as long as the present call.</summary>
    public void PushObject(nint L, int kind, int detail = 0) => PushObject(L, _running!.CallId, kind, detail);

    /// <summary>Whether the argument is an object of this kind and of the present call.</summary>
    public bool IsObject(nint L, int index, int kind, out int detail)
    {
        var o = (LuaObject*)LuaApi.ToUserdata(L, index);
        detail = 0;
        if (o is null || o->CallId != _running!.CallId || o->Kind != kind) return false;
        detail = o->Detail;
        return true;
    }

    /// <summary>Whether the caller is the call's own coroutine: only there the host can be waited for.</summary>
    public bool MayWait(nint L) => L == _running!.Handle;

    /// <summary>Keeps the top value of the stack; it is popped.</summary>
    public int Keep(nint L) => LuaApi.Ref(L, LuaApi.RegistryIndex);
    public void Forget(int reference) => LuaApi.Unref(_main, LuaApi.RegistryIndex, reference);

    /// <summary>nil and a message: how a host function tells the prelude to raise.</summary>
    public static int Fail(nint L, string message)
    {
        LuaApi.PushNil(L);
        LuaApi.Push(L, message);
        return 2;
    }

    private LuaThread Rent()
    {
        if (!_free.TryPop(out var thread))
        {
            nint handle = LuaApi.NewThread(_main);
            thread = new LuaThread(handle, LuaApi.Ref(_main, LuaApi.RegistryIndex));
        }
        thread.CallId = ++_calls;
        thread.Instructions = 0;
        return thread;
    }

    private LuaOutcome Resume(LuaThread thread, int arguments)
    {
        var (before, running) = (s_current, _running);
        s_current = this;
        _running = thread;
        Breach = LuaBreach.None;
        _place = "";
        _deadline = Stopwatch.GetTimestamp() + _wallTicks;
        _memory->Deadline = _deadline;
        _memory->Refused = _memory->TooLarge = 0;
        nint outer = _memory->Running;
        _memory->Running = thread.Handle;
        _memory->Hook = BudgetHook;
        nint L = thread.Handle;
        _quantum = Quantum;
        _looked = Stopwatch.GetTimestamp();
        _memory->Given = 0;
        Limit(thread);
        LuaApi.SetHook(L, BudgetHook, LuaApi.MaskCount, NextQuantum());
        int results;
        int open = _memory->Open;
        _memory->Open = 0;
        int status = LuaApi.Resume(L, _main, arguments, &results);
        _memory->Open = open;
        Settle(thread);
        s_current = before;
        _running = running;
        _memory->Running = outer;
        if (running is not null) Limit(running);
        MemorySeen = _memory->Used;
        if (Breach == LuaBreach.None && status == LuaApi.Ok)
        {
            LuaApi.SetTop(L, 0);
            thread.Host = null;
            thread.CallId = -1;
            if (_free.Count < KeptThreads) _free.Push(thread); else LuaApi.Unref(_main, LuaApi.RegistryIndex, thread.Reference);
            return LuaOutcome.Done;
        }
        Error = "";
        if (Breach == LuaBreach.None && status == LuaApi.Yield)
        {
            LuaApi.Pop(L, results);
            return LuaOutcome.Waiting;
        }
        if (Breach == LuaBreach.None && _memory->Refused != 0 && status != LuaApi.Yield)
            Breach = _memory->Refused == 2 ? LuaBreach.WallTime : LuaBreach.Memory;
        Error = _memory->TooLarge != 0 && status == LuaApi.ErrMemory
            ? $"stopped: a string of more than {LuaMemory.MaxString} bytes, or a table of more than {LuaMemory.MaxBlock}" : Describe(L);
        Drop(thread);
        return LuaOutcome.Failed;
    }

    // What was given since becomes instructions.
    private void Settle(LuaThread thread)
    {
        thread.Instructions += _memory->Given / LuaMemory.BytesPerInstruction;
        _memory->Given %= LuaMemory.BytesPerInstruction;
        Limit(thread);
    }

    private void Limit(LuaThread thread) => _memory->Left =
        Math.Max(0, Math.Min(_limits.Instructions - thread.Instructions, long.MaxValue / 64)) * LuaMemory.BytesPerInstruction;

    private string At => _place.Length == 0 ? "" : _place + ": ";

    private string Describe(nint L)
    {
        return Breach switch
        {
            LuaBreach.Instructions => $"{At}stopped after {_limits.Instructions} instructions",
            LuaBreach.WallTime => $"{At}stopped after {_limits.WallTime.TotalMilliseconds} ms",
            LuaBreach.Memory => $"stopped: it needs more than {_limits.Memory} bytes of memory",
            _ => Message(L),
        };
    }

    private static string Message(nint L) => LuaApi.GetTop(L) == 0 ? "error without a value" : LuaApi.Type(L, -1) switch
    {
        LuaApi.TypeString => Cut(LuaApi.Bytes(L, -1)),
        LuaApi.TypeNil => "error without a value",
        LuaApi.TypeNumber => "error " + LuaApi.ToNumber(L, -1, null).ToString(System.Globalization.CultureInfo.InvariantCulture),
        LuaApi.TypeTable => "error with a table value",
        _ => "error with a value that is no string",
    };

    private static string Cut(ReadOnlySpan<byte> message) => Encoding.UTF8.GetString(message[..Math.Min(message.Length, MaxMessage)]);

    private void PushObject(nint L, long call, int kind, int detail)
    {
        var o = (LuaObject*)LuaApi.NewUserdata(L, (nuint)sizeof(LuaObject), 0);
        *o = new LuaObject { CallId = call, Kind = kind, Detail = detail };
        LuaApi.RawGetI(L, LuaApi.RegistryIndex, _metatables[kind]);
        LuaApi.SetMetatable(L, -2);
    }

    private void Open(string name)
    {
        fixed (byte* p = Encoding.UTF8.GetBytes((name == "base" ? "_G" : name) + "\0"))
            LuaApi.RequireF(_main, p, LuaApi.Export("luaopen_" + name), 1);
        LuaApi.Pop(_main, 1);
    }

    private void Load(LuaLibrary library)
    {
        byte[] text = Encoding.UTF8.GetBytes(library.Prelude);
        fixed (byte* p = text, chunk = "=managed\0"u8, mode = "t\0"u8)
            if (LuaApi.LoadBuffer(_main, p, (nuint)text.Length, chunk, mode) != LuaApi.Ok)
                throw new InvalidOperationException(Message(_main));
        LuaApi.CreateTable(_main, 0, library.Functions.Length);
        foreach (var (name, function) in library.Functions)
        {
            LuaApi.Push(_main, name);
            LuaApi.PushInteger(_main, _functions.Count);
            _functions.Add(function);
            _names.Add(name);
            _costs.Add(LuaCost.Of(name));
            LuaApi.PushClosure(_main, DispatchAddress, 1);
            LuaApi.RawSet(_main, -3);
        }
        if (LuaApi.PCall(_main, 1, 1, 0, 0, 0) != LuaApi.Ok) throw new InvalidOperationException(Message(_main));
        int kinds = LuaApi.Type(_main, -1) == LuaApi.TypeTable ? (int)LuaApi.RawLen(_main, -1) : 0;
        for (int kind = 1; kind <= kinds; kind++)
        {
            LuaApi.RawGetI(_main, -1, kind);
            _metatables[kind] = LuaApi.Ref(_main, LuaApi.RegistryIndex);
        }
        LuaApi.Pop(_main, 1);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Dispatch(nint L)
    {
        var state = s_current!;
        var memory = state._memory;
        int open = memory->Open;
        memory->Open = 1;
        state._caller = L;
        try
        {
            int index = (int)LuaApi.ToInteger(L, LuaApi.FirstUpvalue, null);
            var cost = state._costs[index];
            long bytes = 0;
            for (int i = LuaApi.GetTop(L); i > 0; i--)
                if (LuaApi.Type(L, i) == LuaApi.TypeString) bytes += (long)LuaApi.RawLen(L, i);
            if (bytes > cost.MaxBytes) return Fail(L, $"{cost.Title}: {bytes} bytes are more than it takes ({cost.MaxBytes})");
            // A prelude runs before there are budgets.
            if (state._running is not null && !state.Spend(cost.Instructions + bytes / cost.BytesPerInstruction))
                return Fail(L, "the instructions are used up");
            var function = (delegate*<LuaState, nint, int>)state._functions[index];
            return state.Trace is null ? function(state, L) : state.Traced(L, function, state._names[index]);
        }
        catch (Exception e)
        {
            return Fail(L, "the proxy failed: " + e.GetType().Name + ": " + e.Message);
        }
        finally
        {
            memory->Open = open;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnCount(nint L, nint activation)
    {
        if (s_current is not { _running: { } thread } state) return;
        thread.Instructions += LuaApi.GetHookCount(L);
        state.Settle(thread);
        long now = Stopwatch.GetTimestamp();
        if (now - state._looked > SlowQuantum) state._quantum = Math.Max(LeastQuantum, state._quantum / 4);
        state._looked = now;
        if (state._memory->Refused == 1) state.Breach = LuaBreach.Memory;
        else if (thread.Instructions > state._limits.Instructions) state.Breach = LuaBreach.Instructions;
        else if (now > state._deadline) state.Breach = LuaBreach.WallTime;
        else
        {
            int quantum = state.NextQuantum();
            if (L != thread.Handle) quantum = Math.Min(quantum, Quantum / 10);
            if (LuaApi.GetHookCount(L) != quantum) LuaApi.SetHook(L, BudgetHook, LuaApi.MaskCount, quantum);
            return;
        }
        state._memory->Open = 1; // nothing may fail here: see LuaMemory
        if (L == thread.Handle || state._place.Length == 0)
        {
            LuaApi.Where(L, 0);
            state._place = Encoding.UTF8.GetString(LuaApi.Bytes(L, -1)).TrimEnd(' ', ':');
            LuaApi.Pop(L, 1);
        }
        if (LuaApi.IsYieldable(L) != 0) LuaApi.YieldK(L, 0, 0, 0);
        else LuaApi.SetHook(L, RaiseHook, LuaApi.MaskCount, 1);
        if (L != thread.Handle) LuaApi.SetHook(thread.Handle, BudgetHook, LuaApi.MaskCount, 1);
        state._memory->Open = 0;
    }
}
