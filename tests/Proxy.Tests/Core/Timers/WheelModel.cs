using Managed.Proxy.Core.Timers;
using Xunit;

namespace Managed.Proxy.Tests.Core.Timers;

/// <summary>
/// A loop in fake time with a wheel and, beside it, the plain list of what must fire when. It sleeps as long as the wheel says, or until
/// something else wakes it, or, at times, much longer.
/// </summary>
internal sealed class WheelModel
{
    private const long MaxLate = 10_000;

    private readonly Random _random;
    private readonly TimerWheel _wheel;
    private readonly WheelTimer[] _timers;
    private readonly Dictionary<int, long> _deadlines = [];
    private long _now, _overslept;

    public WheelModel(int seed)
    {
        _random = new Random(seed);
        _now = _random.NextInt64(1L << 45);
        _wheel = new TimerWheel(_now);
        _timers = new WheelTimer[40];
        for (int i = 0; i < _timers.Length; i++)
        {
            int id = i;
            _timers[i] = new WheelTimer(_ => Fired(id), null);
        }
    }

    public int FiredCount { get; private set; }

    public void Run(int turns)
    {
        for (int i = 0; i < turns; i++) Turn();
        // Nothing more is armed: what is left fires, and then the loop may sleep for ever.
        while (_deadlines.Count > 0)
        {
            Sleep(null, 0);
            Fire();
        }
        foreach (var timer in _timers) _wheel.Remove(timer);
        Assert.Equal(-1, _wheel.MillisecondsToNext(_now));
    }

    private void Turn()
    {
        Sleep(_random.Next(3) == 0 ? null : Span(), _random.Next(20) == 0 ? Span() : 0);
        for (int n = _random.Next(4); n > 0; n--) Change();
        Fire(changes: true);
    }

    private void Sleep(long? wokenAfter, long overslept)
    {
        int wait = _wheel.MillisecondsToNext(_now);
        if (wait < 0 && _deadlines.Count > 0) Assert.Fail("the wheel would sleep for ever with timers armed");
        long asleep = wait < 0 ? wokenAfter ?? 1 : Math.Min(wait * 1000L, wokenAfter ?? long.MaxValue);
        _overslept = overslept;
        _now += asleep + overslept;
        _wheel.SetNow(_now);
    }

    private bool _changes;

    private void Fire(bool changes = false)
    {
        _changes = changes;
        while (_wheel.TakeDue() is { } timer) timer.Callback(timer.State);
        foreach (var (id, deadline) in _deadlines)
            Assert.True(_now - deadline <= MaxLate + _overslept, $"timer {id} is {_now - deadline} us late and has not fired");
    }

    private void Fired(int id)
    {
        FiredCount++;
        Assert.True(_deadlines.Remove(id, out long deadline), $"timer {id} fired without being armed");
        Assert.True(_now >= deadline, $"timer {id} fired {deadline - _now} us early");
        Assert.True(_now - deadline <= MaxLate + _overslept, $"timer {id} fired {_now - deadline} us late");
        Assert.False(_timers[id].IsArmed);
        if (!_changes) return;
        if (_random.Next(3) == 0) Arm(id, Span());
        for (int n = _random.Next(3); n > 0; n--) Change();
    }

    private void Change()
    {
        int id = _random.Next(_timers.Length);
        switch (_random.Next(6))
        {
            case 0:
                _wheel.Cancel(_timers[id]);
                _deadlines.Remove(id);
                break;
            case 1:
                _wheel.Remove(_timers[id]);
                _deadlines.Remove(id);
                break;
            default:
                Arm(id, Span());
                break;
        }
    }

    private void Arm(int id, long delay)
    {
        _wheel.Arm(_timers[id], delay);
        _deadlines[id] = _now + delay;
        Assert.True(_timers[id].IsArmed);
    }

    // From nothing to hours, with the borders of slots and levels more often than chance would have them.
    private long Span() => _random.Next(8) switch
    {
        0 => 0,
        1 => _random.NextInt64(20_000),
        2 => _random.NextInt64(1, 600) * 8192 + _random.NextInt64(-1, 2),
        3 => _random.NextInt64(3_500_000, 5_500_000),
        4 => _random.NextInt64(20_000_000),
        5 => _random.NextInt64(1, 1100) * 4_194_304 + _random.NextInt64(-1, 2),
        6 => _random.NextInt64(400_000_000),
        _ => _random.NextInt64(20_000_000_000),
    };
}
