using System.Diagnostics;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>
/// How often guests of one module were called on one worker, and for how long; it outlives their VMs. Written by that worker, read by
/// anyone: a figure may be a call old.
/// </summary>
/// <param name="cells">Where the totals are counted too; null: nowhere (a VM that is being prepared).</param>
/// <param name="total">The counter of calls.</param>
/// <param name="time">Of a call, in microseconds.</param>
internal sealed class GuestCallTimes(StatsCells? cells, Counter total, Histogram time)
{
    private static readonly long TicksPerMicro = Stopwatch.Frequency / 1_000_000;
    private static readonly string[] Names =
        [.. Enum.GetNames<WasmCallback>().Select(n => "proxy_on"
            + string.Concat(n.Select(c => char.IsUpper(c) ? "_" + char.ToLowerInvariant(c) : c.ToString())))];

    private readonly long[] _calls = new long[Names.Length], _ticks = new long[Names.Length], _most = new long[Names.Length];
    private readonly CallHistogram _histogram = new();

    public GuestCallTimes() : this(null, default, default)
    {
    }

    public long Calls => Sum(_calls);
    public long Micros => Sum(_ticks) / TicksPerMicro;

    /// <param name="callback">Which.</param>
    /// <param name="ticks">By the stopwatch.</param>
    public void Record(WasmCallback callback, long ticks)
    {
        int i = (int)callback;
        _calls[i]++;
        _ticks[i] += ticks;
        if (ticks > _most[i]) _most[i] = ticks;
        long micros = ticks / TicksPerMicro;
        _histogram.Record(micros);
        if (cells is null) return;
        cells.Increment(total);
        cells.Record(time, micros);
    }

    public IReadOnlyList<GuestVmBucket> Histogram() => _histogram.Read();

    public IReadOnlyList<GuestCallbackStatus> Callbacks()
    {
        var rows = new List<GuestCallbackStatus>();
        for (int i = 0; i < Names.Length; i++)
            if (Volatile.Read(ref _calls[i]) is > 0 and var count)
                rows.Add(new GuestCallbackStatus(Names[i], count, Volatile.Read(ref _ticks[i]) / TicksPerMicro,
                    Volatile.Read(ref _most[i]) / TicksPerMicro));
        return rows;
    }

    private static long Sum(long[] values)
    {
        long sum = 0;
        for (int i = 0; i < values.Length; i++) sum += Volatile.Read(ref values[i]);
        return sum;
    }
}
