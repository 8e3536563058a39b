namespace Managed.Proxy.Core;

internal enum StandstillStep { None, Miss, MegaMiss }

/// <summary>
/// What the watchdog knows of one loop from look to look. When the looks themselves come late, the machine or the whole process stood
/// still (no processor, a stopped container, a collection): what nobody could see is not put down to the loop.
/// </summary>
internal struct Standstill
{
    public const int PeriodMs = 50;
    public const long MissMicros = EventLoop.EventLoop.LongTurnMicros, MegaMissMicros = 1_000_000;
    private const long OnTime = 2 * PeriodMs * 1000;

    private long _began, _missed, _lastLong, _formerPeriod;
    private bool _told;

    /// <summary>How long the present turn has been seen to take.</summary>
    public long StoodMicros { get; private set; }

    /// <param name="began">When the present turn began; 0: the loop waits.</param>
    /// <param name="lastLong">When the last turn of <see cref="MissMicros"/> or more began: it may have been between two looks.</param>
    /// <param name="now">By the same clock, microseconds.</param>
    /// <param name="sinceLast">The time since the look before.</param>
    public StandstillStep Look(long began, long lastLong, long now, long sinceLast)
    {
        bool ended = lastLong != _lastLong && lastLong != _missed && lastLong != began && sinceLast < OnTime && _formerPeriod < OnTime;
        _lastLong = lastLong;
        _formerPeriod = sinceLast;
        long seen = sinceLast < OnTime ? sinceLast : PeriodMs * 1000;
        if (began == _began) StoodMicros += began == 0 ? 0 : seen;
        else
        {
            _began = began;
            _told = false;
            StoodMicros = began == 0 ? 0 : Math.Clamp(now - began, 0, seen);
        }
        if (StoodMicros >= MegaMissMicros && !_told)
        {
            _told = true;
            return StandstillStep.MegaMiss;
        }
        if (StoodMicros >= MissMicros && _missed != _began)
        {
            _missed = _began;
            return StandstillStep.Miss;
        }
        return ended ? StandstillStep.Miss : StandstillStep.None;
    }
}
