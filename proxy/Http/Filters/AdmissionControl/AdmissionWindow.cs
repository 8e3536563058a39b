namespace Managed.Proxy.Http.Filters.AdmissionControl;

/// <summary>Requests of the last seconds and how many of them have succeeded, of one worker.</summary>
internal sealed class AdmissionWindow(int seconds)
{
    private readonly (int Total, int Success)[] _slots = new (int, int)[seconds];
    private long _second = long.MinValue;

    public long Total { get; private set; }
    public long Successes { get; private set; }
    public int Seconds => seconds;

    public void Record(bool success, long nowMicros)
    {
        Move(nowMicros);
        ref var slot = ref _slots[_second % seconds];
        slot.Total++;
        Total++;
        if (!success) return;
        slot.Success++;
        Successes++;
    }

    /// <summary>Forgets what is too old.</summary>
    public void Move(long nowMicros)
    {
        long second = nowMicros / 1_000_000;
        if (_second == long.MinValue || second - _second >= seconds)
        {
            Array.Clear(_slots);
            (Total, Successes, _second) = (0, 0, second);
            return;
        }
        while (_second < second)
        {
            ref var old = ref _slots[++_second % seconds];
            Total -= old.Total;
            Successes -= old.Success;
            old = default;
        }
    }
}
