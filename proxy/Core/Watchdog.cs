using System.Diagnostics;
using System.Reflection;
using Managed.Proxy.Core.Limits;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Timers;
using Microsoft.Extensions.Logging;

namespace Managed.Proxy.Core;

/// <summary>
/// Looks every 50 ms whether a worker is still in a turn that began long ago: its connections all stand still meanwhile. Counts under
/// Envoy's names (<c>server.watchdog_miss</c>, <c>server.watchdog_mega_miss</c> and for each worker <c>server.worker_0.watchdog_miss</c>)
/// and, from a second on, logs once what the worker runs. The workers pay plain stores of what they are about to run.
/// <para>It is also the clock of <see cref="Overload"/>. While no worker has anything to do and next to nothing is allocated, it looks
/// twice a second: waking up is most of what an idle process costs.</para>
/// </summary>
internal sealed class Watchdog : IDisposable
{
    private const int IdleMs = 500;
    private const long IdleBytes = 256 << 10; // allocated from look to look

    private readonly IReadOnlyList<WorkerContext> _workers;
    private readonly Overload _overload;
    private readonly ILogger _logger;
    private readonly StatsCells _cells;
    private readonly (Counter Miss, Counter MegaMiss)[] _counters;
    private readonly (Counter Miss, Counter MegaMiss) _all;
    private readonly Standstill[] _standstills;
    private readonly ManualResetEvent _stop = new(false);
    private readonly Thread _thread;

    public Watchdog(IReadOnlyList<WorkerContext> workers, Overload overload, StatsRegistry stats, ILogger logger)
    {
        _workers = workers;
        _overload = overload;
        _logger = logger;
        _cells = stats.AddWorker(static (action, state) => action(state)); // its names stay, so nothing is ever cleared
        _all = Counters("server.");
        _counters = [.. workers.Select(w => Counters($"server.worker_{w.Id}."))];
        _standstills = new Standstill[workers.Count];
        _thread = new Thread(Run) { Name = "watchdog", IsBackground = true };

        (Counter, Counter) Counters(string prefix)
            => (stats.Counter(prefix + "watchdog_miss"), stats.Counter(prefix + "watchdog_mega_miss"));
    }

    public void Start() => _thread.Start();

    public void Dispose()
    {
        _stop.Set();
        if (!_thread.IsAlive || _thread.Join(TimeSpan.FromSeconds(1))) _stop.Dispose();
    }

    private void Run()
    {
        long last = Micros(), memory = last, turns = 0, allocated = 0;
        for (int pause = Standstill.PeriodMs; !_stop.WaitOne(pause);)
        {
            long now = Micros();
            if (now - memory >= (Overload.LookMs - Standstill.PeriodMs / 2) * 1000)
            {
                memory = now;
                _overload.OnLook();
            }
            for (int i = 0; i < _workers.Count; i++)
            {
                try
                {
                    Look(i, now, now - last);
                }
                catch (Exception)
                {
                    // A logger that fails: the next look is not its fault.
                }
            }
            last = now;
            pause = HasWork(ref turns, ref allocated) ? Standstill.PeriodMs : Math.Min(2 * pause, IdleMs);
        }
    }

    private bool HasWork(ref long formerTurns, ref long formerAllocated)
    {
        long turns = 0, allocated = GC.GetTotalAllocatedBytes();
        bool busy = _overload.IsPressed;
        foreach (var worker in _workers)
        {
            turns += worker.Loop.Turns;
            busy |= Volatile.Read(ref worker.Loop.TurnBegan) != 0;
        }
        busy |= turns != formerTurns || allocated - formerAllocated > IdleBytes;
        (formerTurns, formerAllocated) = (turns, allocated);
        return busy;
    }

    private void Look(int i, long now, long sinceLast)
    {
        var loop = _workers[i].Loop;
        switch (_standstills[i].Look(Volatile.Read(ref loop.TurnBegan), Volatile.Read(ref loop.LastLongTurn), now, sinceLast))
        {
            case StandstillStep.Miss:
                _cells.Increment(_all.Miss);
                _cells.Increment(_counters[i].Miss);
                break;
            case StandstillStep.MegaMiss:
                _cells.Increment(_all.MegaMiss);
                _cells.Increment(_counters[i].MegaMiss);
                Log.WorkerStands(_logger, i, _standstills[i].StoodMicros / 1000, Describe(loop.Running, loop.Within));
                break;
        }
    }

    /// <summary>What a loop runs, in words; on any thread, so whatever it looks at may have gone on.</summary>
    internal static string Describe(object? running, object? within)
    {
        string what = running switch
        {
            null => "the loop itself",
            WheelTimer timer => "a timer of " + Owner(timer.Callback.Method),
            Delegate action => "what was posted by " + Owner(action.Method),
            _ => running.ToString()!,
        };
        return within is null ? what : $"{what}, filter {within}";
    }

    // Lambdas live in classes of the compiler's within the one that people know.
    private static string Owner(MethodInfo method)
    {
        var type = method.DeclaringType;
        while (type is { DeclaringType: { } outer } && type.Name.StartsWith('<')) type = outer;
        return type?.Name ?? method.Name;
    }

    private static long Micros() => Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1_000_000);
}
