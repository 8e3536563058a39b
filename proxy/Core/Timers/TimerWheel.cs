using System.Numerics;
using Managed.Proxy.Core.FaultInjection;

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
    internal int Slot = -1;                 // where it hangs; -1: nowhere

    public bool IsArmed => Deadline != long.MaxValue;
}

/// <summary>
/// Two levels: 512 slots of 8.192 ms, then 1024 slots of 4.19 s (71 minutes; what lies beyond waits in the last and is placed again).
/// Sleeping connections with hour-long time-outs hang in the coarse level and cost a look every four seconds per slot, not per tick.
/// <para>Time moves in one place, <see cref="SetNow"/>, which leaves nothing in a slot whose tick has come: a distance from the wheel's
/// ticks is always one from now, however long the loop slept.</para>
/// </summary>
public sealed class TimerWheel
{
    private const int FineShift = 13, FineSlots = 512, CoarseShift = FineShift + 9, CoarseSlots = 1024;
    private const int InDue = int.MaxValue; // WheelTimer.Slot of what waits for TakeDue
    private const long MaxDelayMicros = long.MaxValue / 4;

    private readonly WheelTimer?[] _slots = new WheelTimer?[FineSlots + CoarseSlots];
    private readonly ulong[] _fineUsed = new ulong[FineSlots / 64];
    private readonly ulong[] _coarseUsed = new ulong[CoarseSlots / 64];
    private long _now, _fineTick, _coarseTick; // the ticks that _now is in: their slots are empty
    private WheelTimer? _due; // their slots' ticks have come
    private int _count;

    internal TimerWheel(long nowMicros)
    {
        _now = nowMicros;
        _fineTick = nowMicros >> FineShift;
        _coarseTick = nowMicros >> CoarseShift;
    }

    /// <summary>Fires once, <paramref name="delayMicros"/> from now or up to 9.2 ms later; replaces an earlier arming.</summary>
    public void Arm(WheelTimer timer, long delayMicros)
    {
        Faults.Pass(FaultPoint.TimerArm);
        long deadline = _now + Math.Clamp(delayMicros, 0, MaxDelayMicros);
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

    /// <summary>Moves time on: what arming counts from. Fires nothing; see <see cref="TakeDue"/>.</summary>
    internal void SetNow(long nowMicros)
    {
        if (nowMicros <= _now) return;
        _now = nowMicros;
        long formerFine = _fineTick, formerCoarse = _coarseTick;
        _fineTick = nowMicros >> FineShift;
        _coarseTick = nowMicros >> CoarseShift;
        if (_count == 0) return;
        // The newest first, each put before the others: so they come out in the order of their ticks.
        for (long tick = _fineTick; tick > formerFine && tick > _fineTick - FineSlots; tick--) Empty((int)(tick & (FineSlots - 1)));
        // Now that the fine level is free for what is to come.
        for (long tick = _coarseTick; tick > formerCoarse && tick > _coarseTick - CoarseSlots; tick--)
            Empty(FineSlots + (int)(tick & (CoarseSlots - 1)));
    }

    /// <summary>The next whose time has come, no longer armed; the caller fires it. Null when all of them have been taken.</summary>
    internal WheelTimer? TakeDue()
    {
        while (_due is { } timer)
        {
            Unlink(timer);
            if (timer.Deadline > _now)
            {
                if (timer.IsArmed) Link(timer); // it was pushed on
                continue;
            }
            timer.Deadline = long.MaxValue;
            return timer;
        }
        return null;
    }

    /// <summary>How long the loop may sleep; -1: for ever.</summary>
    internal int MillisecondsToNext(long nowMicros)
    {
        if (_due is not null) return 0;
        if (_count == 0) return -1;
        long next = NextUsed(_fineUsed, FineSlots, _fineTick) is var f and >= 0 ? f << FineShift : long.MaxValue;
        long coarse = NextUsed(_coarseUsed, CoarseSlots, _coarseTick) is var c and >= 0 ? c << CoarseShift : long.MaxValue;
        next = Math.Min(next, coarse);
        return (int)Math.Clamp((next - nowMicros + 999) / 1000, 0, 60_000);
    }

    private void Empty(int slot)
    {
        // Unhooked as a whole first: what waits for a time far beyond may come back into this very slot.
        var timer = _slots[slot];
        if (timer is null) return;
        _slots[slot] = null;
        Mark(slot, false);
        while (timer is not null)
        {
            var next = timer.Next;
            timer.Next = timer.Previous = null;
            timer.Slot = -1;
            _count--;
            if (timer.Deadline <= _now) Put(timer, InDue);
            else if (timer.IsArmed) Link(timer); // its coarse slot has come, or it was pushed on
            timer = next;
        }
    }

    private void Link(WheelTimer timer)
    {
        // A slot is due when its tick has begun, so place the timer in the tick after its deadline's.
        long tick = Math.Max((timer.Deadline >> FineShift) + 1, _fineTick + 1);
        if (tick - _fineTick < FineSlots)
        {
            timer.Placed = tick << FineShift;
            Put(timer, (int)(tick & (FineSlots - 1)));
            return;
        }
        long coarse = Math.Clamp(timer.Deadline >> CoarseShift, _coarseTick + 1, _coarseTick + CoarseSlots - 1);
        timer.Placed = coarse << CoarseShift;
        Put(timer, FineSlots + (int)(coarse & (CoarseSlots - 1)));
    }

    private void Put(WheelTimer timer, int slot)
    {
        ref var first = ref First(slot);
        timer.Slot = slot;
        timer.Previous = null;
        timer.Next = first;
        if (first is null) Mark(slot, true); else first.Previous = timer;
        first = timer;
        _count++;
    }

    private void Unlink(WheelTimer timer)
    {
        int slot = timer.Slot;
        if (timer.Previous is not null) timer.Previous.Next = timer.Next;
        else
        {
            First(slot) = timer.Next;
            if (timer.Next is null) Mark(slot, false);
        }
        if (timer.Next is not null) timer.Next.Previous = timer.Previous;
        timer.Next = timer.Previous = null;
        timer.Slot = -1;
        _count--;
    }

    private ref WheelTimer? First(int slot) => ref slot == InDue ? ref _due : ref _slots[slot];

    private void Mark(int slot, bool used)
    {
        if (slot == InDue) return;
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
