using System.Numerics;

namespace Managed.Proxy.Core.Timers;

/// <summary>
/// A timer that belongs to one object of one worker and is armed again and again. Arming for later than before only changes a field:
/// the wheel notices when the old time comes. So a time-out that is pushed on by every request costs a store.
/// </summary>
public sealed class WheelTimer(Action<object?> callback, object? state)
{
    internal readonly Action<object?> Callback = callback;
    internal readonly object? State = state;
    internal long Deadline = long.MaxValue; // what the owner wants
    internal long Placed;                   // the time of the slot it hangs in
    internal WheelTimer? Next, Previous;
    internal int Slot = -1;

    public bool IsArmed => Deadline != long.MaxValue;
}

/// <summary>
/// Two levels: 512 slots of 8.192 ms, then 1024 slots of 4.19 s (71 minutes; what lies beyond waits in the last and is placed again).
/// Sleeping connections with hour-long time-outs hang in the coarse level and cost a look every four seconds per slot, not per tick.
/// </summary>
public sealed class TimerWheel
{
    private const int FineShift = 13, FineSlots = 512, CoarseShift = FineShift + 9, CoarseSlots = 1024;
    private readonly WheelTimer?[] _slots = new WheelTimer?[FineSlots + CoarseSlots];
    private readonly ulong[] _fineUsed = new ulong[FineSlots / 64];
    private readonly ulong[] _coarseUsed = new ulong[CoarseSlots / 64];
    private long _fineTick, _coarseTick; // the last tick that was processed
    private int _count;

    internal TimerWheel(long nowMicros)
    {
        _fineTick = nowMicros >> FineShift;
        _coarseTick = nowMicros >> CoarseShift;
        _now = nowMicros;
    }

    private long _now;

    /// <summary>Fires once, <paramref name="delayMicros"/> from now or up to 9 ms later; replaces an earlier arming.</summary>
    public void Arm(WheelTimer timer, long delayMicros)
    {
        long deadline = _now + Math.Max(delayMicros, 0);
        timer.Deadline = deadline;
        if (timer.Slot >= 0)
        {
            if (timer.Placed <= deadline) return;
            Unlink(timer);
        }
        Link(timer);
    }

    /// <summary>It will not fire. It may stay in its slot until that comes; see <see cref="Remove"/>.</summary>
    public void Cancel(WheelTimer timer) => timer.Deadline = long.MaxValue;

    /// <summary>Cancels and lets go of the timer at once, so that its owner can be collected.</summary>
    public void Remove(WheelTimer timer)
    {
        timer.Deadline = long.MaxValue;
        if (timer.Slot >= 0) Unlink(timer);
    }

    /// <summary>What arming counts from; at the start of a turn, or a delay would begin when the loop last slept.</summary>
    internal void SetNow(long nowMicros) => _now = nowMicros;

    internal int MillisecondsToNext(long nowMicros)
    {
        if (_count == 0) return -1;
        long next = NextUsed(_fineUsed, FineSlots, _fineTick) is var f and >= 0 ? f << FineShift : long.MaxValue;
        long coarse = NextUsed(_coarseUsed, CoarseSlots, _coarseTick) is var c and >= 0 ? c << CoarseShift : long.MaxValue;
        next = Math.Min(next, coarse);
        if (next == long.MaxValue) return -1;
        return (int)Math.Clamp((next - nowMicros + 999) / 1000, 0, 60_000);
    }

    internal void Advance(long nowMicros)
    {
        _now = nowMicros;
        long fine = nowMicros >> FineShift, coarse = nowMicros >> CoarseShift;
        if (_count == 0) { _fineTick = fine; _coarseTick = coarse; return; }
        // Advance the tick before its slot: what is placed again must not land in the slot that is being emptied.
        while (_coarseTick < coarse) Expire(FineSlots + (int)(++_coarseTick & (CoarseSlots - 1)), nowMicros);
        long behind = Math.Min(fine - _fineTick, FineSlots);
        for (long tick = fine - behind + 1; tick <= fine; tick++)
        {
            _fineTick = tick;
            Expire((int)(tick & (FineSlots - 1)), nowMicros);
        }
        _fineTick = fine;
    }

    private void Expire(int slot, long now)
    {
        // Unhook the whole slot first: callbacks may arm and remove timers of this very slot.
        var timer = _slots[slot];
        if (timer is null) return;
        _slots[slot] = null;
        Mark(slot, false);
        for (var t = timer; t is not null; t = t.Next) t.Slot = int.MaxValue;
        _expiring = timer;
        while (_expiring is { } due)
        {
            _expiring = due.Next;
            if (_expiring is not null) _expiring.Previous = null;
            due.Next = due.Previous = null;
            due.Slot = -1;
            _count--;
            if (due.Deadline == long.MaxValue) continue;
            if (due.Deadline > now) { Link(due); continue; }
            due.Deadline = long.MaxValue;
            due.Callback(due.State);
        }
    }

    private WheelTimer? _expiring;

    private void Link(WheelTimer timer)
    {
        long deadline = timer.Deadline;
        // A slot is due when its tick has begun, so place the timer in the tick after its deadline's.
        long tick = Math.Max((deadline >> FineShift) + 1, _fineTick + 1);
        int slot;
        if (tick - _fineTick < FineSlots)
        {
            slot = (int)(tick & (FineSlots - 1));
            timer.Placed = tick << FineShift;
        }
        else
        {
            long coarse = Math.Clamp(deadline >> CoarseShift, _coarseTick + 1, _coarseTick + CoarseSlots - 1);
            slot = FineSlots + (int)(coarse & (CoarseSlots - 1));
            timer.Placed = coarse << CoarseShift;
        }
        timer.Slot = slot;
        timer.Previous = null;
        timer.Next = _slots[slot];
        if (timer.Next is not null) timer.Next.Previous = timer;
        _slots[slot] = timer;
        _count++;
        Mark(slot, true);
    }

    private void Unlink(WheelTimer timer)
    {
        int slot = timer.Slot;
        if (timer.Previous is not null) timer.Previous.Next = timer.Next;
        else if (slot == int.MaxValue) _expiring = timer.Next;
        else
        {
            _slots[slot] = timer.Next;
            if (timer.Next is null) Mark(slot, false);
        }
        if (timer.Next is not null) timer.Next.Previous = timer.Previous;
        timer.Next = timer.Previous = null;
        timer.Slot = -1;
        _count--;
    }

    private void Mark(int slot, bool used)
    {
        var bits = slot < FineSlots ? _fineUsed : _coarseUsed;
        int i = slot < FineSlots ? slot : slot - FineSlots;
        if (used) bits[i >> 6] |= 1UL << i; else bits[i >> 6] &= ~(1UL << i);
    }

    // The first tick after `last` whose slot is in use; -1: none.
    private static long NextUsed(ulong[] bits, int slots, long last)
    {
        int start = (int)((last + 1) & (slots - 1));
        for (int scanned = 0; scanned < slots;)
        {
            int i = (start + scanned) & (slots - 1);
            ulong word = bits[i >> 6] >> (i & 63);
            if (word != 0)
            {
                int ahead = scanned + BitOperations.TrailingZeroCount(word);
                return ahead < slots ? last + 1 + ahead : -1;
            }
            scanned += 64 - (i & 63);
        }
        return -1;
    }
}
