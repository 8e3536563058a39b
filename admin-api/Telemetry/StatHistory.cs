using Managed.Proxy;
using Managed.Proxy.Core.Telemetry;

namespace Managed.AdminApi.Telemetry;

/// <summary>
/// Counters and gauges of the last hour, one reading in ten seconds: enough for a chart, small enough to keep in memory
/// (at most 5000 names × 360 readings × 8 bytes = 14 MB; a node with a dozen clusters needs under 1 MB).
/// </summary>
internal sealed class StatHistory(ProxyServer proxy) : IDisposable
{
    public static readonly TimeSpan Step = TimeSpan.FromSeconds(10), Kept = TimeSpan.FromHours(1);
    private const int MaxNames = 5000;
    private static readonly int Readings = (int)(Kept / Step);

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Group, string Name), Series> _values = [];
    private readonly DateTimeOffset[] _times = new DateTimeOffset[Readings];
    private readonly HistogramSnapshot _scratch = new();
    private long _count;
    private Timer? _timer;

    public void Start() => _timer = new Timer(_ => SampleNow(), null, TimeSpan.Zero, Step);

    private void SampleNow()
    {
        try
        {
            Sample();
        }
        catch (Exception)
        {
            // Some are read from /proc, which needs a descriptor. One reading is missing then; an exception in a timer would end the
            // process.
        }
    }

    private void Sample()
    {
        lock (_lock)
        {
            var at = (int)(_count % Readings);
            _times[at] = DateTimeOffset.UtcNow;
            foreach (var series in _values.Values)
                series.Values[at] = double.NaN;
            proxy.Stats.Visit((group, name, stat) => Take(at, group, name, stat));
            _count++;
            foreach (var (name, series) in _values)
                if (_count - series.Last > Readings)
                    _values.Remove(name); // gone with its version, and an hour ago
        }
    }

    private void Take(int at, string group, string name, StatReading stat)
    {
        double value;
        if (stat.Kind == StatKind.Histogram)
        {
            _scratch.Clear();
            stat.AddTo(_scratch);
            value = _scratch.Count;
        }
        else
            value = stat.Value;
        if (!_values.TryGetValue((group, name), out var series))
        {
            if (value == 0 || _values.Count >= MaxNames)
                return; // a counter that has never moved needs no memory
            series = _values[(group, name)] = new Series();
        }
        series.Values[at] = value;
        series.Last = _count;
    }

    /// <summary>Points of the names that are known, oldest first.</summary>
    public IReadOnlyList<StatSeries> Read(Func<string, bool> wanted, TimeSpan range)
    {
        lock (_lock)
        {
            var since = DateTimeOffset.UtcNow - range;
            var series = new List<StatSeries>();
            foreach (var (name, kept) in _values.Select(v => (Name: v.Key.Group + v.Key.Name, v.Value)).Where(v => wanted(v.Name))
                .OrderBy(v => v.Name, StringComparer.Ordinal))
            {
                var (points, values) = (new List<StatPoint>(), kept.Values);
                for (var i = Math.Max(0, _count - Readings); i < _count; i++)
                    if (_times[i % Readings] >= since && !double.IsNaN(values[i % Readings]))
                        points.Add(new(_times[i % Readings], values[i % Readings]));
                series.Add(new(name, points));
            }
            return series;
        }
    }

    public void Dispose() => _timer?.Dispose();

    private sealed class Series
    {
        public double[] Values { get; } = NoReadings();
        /// <summary>The number of its last reading.</summary>
        public long Last { get; set; }

        private static double[] NoReadings()
        {
            var values = new double[Readings];
            Array.Fill(values, double.NaN);
            return values;
        }
    }
}

internal sealed record StatSeries(string Name, IReadOnlyList<StatPoint> Points);

internal sealed record StatPoint(DateTimeOffset Time, double Value);
