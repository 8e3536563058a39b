using System.Diagnostics;

namespace Managed.Proxy.Bindings;

/// <summary>
/// How much guest code may write to the log: a burst, then a steady rate. Whoever reads the log, and the disk behind it, is shared by
/// everybody, and one module that says a line per header would fill both.
/// </summary>
internal sealed class LogBudget
{
    // Five hundred short lines at once, 120 a second after that; 32 KiB a second are 2.7 GB a day.
    private const long Burst = 128 << 10, PerSecond = 32 << 10;
    private const int LineCost = 200; // what the log puts around a line

    private long _left = Burst, _at, _dropped;

    /// <summary>False: the line is to be left out. Else <paramref name="dropped"/> lines were, since the last that was not.</summary>
    public bool TryTake(int length, out long dropped)
    {
        long now = Stopwatch.GetTimestamp();
        dropped = _dropped;
        if (_left < Burst)
        {
            long earned = (long)((now - _at) * (double)PerSecond / Stopwatch.Frequency);
            if (earned > 0) (_left, _at) = (Math.Min(Burst, _left + earned), now);
        }
        else _at = now;
        // After a gap not before there is room for more than a line: a flood is one gap, not a thousand.
        if (_left < (_dropped > 0 ? PerSecond / 4 : LineCost))
        {
            _dropped++;
            return false;
        }
        _left -= length + LineCost;
        _dropped = 0;
        return true;
    }
}
