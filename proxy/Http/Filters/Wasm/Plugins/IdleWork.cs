using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core.Timers;

namespace Managed.Proxy.Http.Filters.Wasm.Plugins;

/// <summary>
/// What a plugin is called for while no request waits for it: ticks, messages in queues, call-backs, answers that nobody's stream asked
/// for. It may take a thirtieth of its worker for that, and earns the right by the time that passes; who has spent more waits in line. A
/// call of more than a millisecond is felt by everybody, so what it takes beyond that counts twenty-five times.
/// </summary>
internal sealed class IdleWork
{
    private const int Share = 30, LongWeight = 25, MaxWaiting = 1000;
    // microseconds; a loop that wakes for each call costs more than the calls
    private const long MostSaved = 1000, LongCall = 1000, LeastPause = 5000;

    private readonly PluginContext _root;
    private readonly Queue<Action> _waiting = new();
    private readonly WheelTimer _timer;
    private long _saved = MostSaved, _at;
    private bool _running;

    public IdleWork(PluginContext root)
    {
        _root = root;
        _timer = new WheelTimer(static s => ((IdleWork)s!).Run(), this);
    }

    /// <summary>No more may be asked for by the guest itself until some of it is done.</summary>
    public bool IsFull => _waiting.Count >= MaxWaiting;

    /// <summary>Does it now, or when it is its turn. On the worker, and not within the guest.</summary>
    public void Add(Action call)
    {
        _waiting.Enqueue(call);
        if (!_timer.IsArmed && !_running) Run();
    }

    /// <summary>Work of the host's own that the guest causes by such a call.</summary>
    public void Charge(long micros) => _saved -= micros;

    public void Clear()
    {
        _waiting.Clear();
        _root.Worker?.Timers.Remove(_timer);
    }

    private void Run()
    {
        if (_root.Worker is not { } worker) return;
        long now = worker.NowMicros;
        _saved = Math.Min(MostSaved, _saved + (now - _at) / Share);
        _at = now;
        _running = true;
        while (_saved > 0 && _waiting.TryDequeue(out var call))
        {
            long before = WasmEngine.ThreadMicros(), collected = WasmEngine.CollectedMicros();
            call();
            long took = 1 + WasmEngine.ThreadMicros() - before;
            if (WasmEngine.CollectedMicros() != collected) took = Math.Min(took, LongCall); // whose time it was is not known
            _saved -= took + Math.Max(0, took - LongCall) * (LongWeight - 1);
        }
        _running = false;
        if (_waiting.Count > 0) worker.Timers.Arm(_timer, Math.Max(LeastPause, (1 - _saved) * Share));
    }
}
