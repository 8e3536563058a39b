namespace Managed.AdminApi.Telemetry;

/// <summary>What is kept of one moment of somebody's traffic. Rates are per second; latencies in ms, NaN without answers.</summary>
internal enum TrafficField { Requests, Class1, Class2, Class3, Class4, Class5, P50, P95, P99, Connections }

/// <summary>
/// Points in equal steps, the oldest replaced by the newest: rates since the step before, and quantiles of what was answered in it.
/// </summary>
internal sealed class TrafficTier(TimeSpan step, int size)
{
    public const int Fields = (int)TrafficField.Connections + 1;
    private const int MostNames = TrafficReading.Reader.MostNames + TrafficReading.Reader.MostRoutes + 1;

    private readonly Dictionary<string, TrafficReading> _last = new(StringComparer.Ordinal);
    private readonly Dictionary<string, float[]> _series = new(StringComparer.Ordinal);
    private readonly long[] _times = new long[size]; // Unix milliseconds
    private long _count;
    private DateTimeOffset _lastAt;

    public TimeSpan Step => step;

    public TimeSpan Kept => step * size;

    public IEnumerable<string> Names => _series.Keys;

    public void Add(DateTimeOffset now, IReadOnlyDictionary<string, TrafficReading> readings)
    {
        var seconds = (now - _lastAt).TotalSeconds;
        if (_lastAt != default && seconds > 0)
            Point(now, readings, seconds);
        _lastAt = now;
        if (_last.Count > readings.Count)
            foreach (var name in _last.Keys.Where(n => !readings.ContainsKey(n)).ToList())
                _last.Remove(name);
        foreach (var (name, reading) in readings)
        {
            if (!_last.TryGetValue(name, out var last))
                _last[name] = last = new();
            last.Set(reading);
        }
    }

    private void Point(DateTimeOffset now, IReadOnlyDictionary<string, TrafficReading> readings, double seconds)
    {
        var at = (int)(_count % size);
        _times[at] = now.ToUnixTimeMilliseconds();
        foreach (var values in _series.Values)
            values.AsSpan(at * Fields, Fields).Fill(float.NaN);
        foreach (var (name, reading) in readings)
        {
            var last = _last.GetValueOrDefault(name) ?? new();
            if (!_series.TryGetValue(name, out var values))
            {
                if (_series.Count >= MostNames && _series.Keys.FirstOrDefault(n => !readings.ContainsKey(n)) is { } gone)
                    _series.Remove(gone);
                _series[name] = values = new float[size * Fields];
                Array.Fill(values, float.NaN);
            }
            var point = values.AsSpan(at * Fields, Fields);
            float Rate(double value, double before) => (float)(Math.Max(0, value - before) / seconds);
            point[(int)TrafficField.Requests] = Rate(reading.Requests, last.Requests);
            for (var i = 0; i < reading.Classes.Length; i++)
                point[(int)TrafficField.Class1 + i] = Rate(reading.Classes[i], last.Classes[i]);
            point[(int)TrafficField.Connections] = (float)reading.Connections;
            if (reading.Latency.Count <= last.Latency.Count)
                continue;
            var latency = reading.Latency.Since(last.Latency);
            (point[(int)TrafficField.P50], point[(int)TrafficField.P95], point[(int)TrafficField.P99])
                = ((float)latency.Quantile(0.5) / 1000, (float)latency.Quantile(0.95) / 1000, (float)latency.Quantile(0.99) / 1000);
        }
        _count++;
    }

    /// <summary>The moments since then, oldest first, as Unix milliseconds.</summary>
    public List<long> Times(DateTimeOffset since)
    {
        var times = new List<long>();
        for (var i = Math.Max(0, _count - size); i < _count; i++)
            if (_times[i % size] >= since.ToUnixTimeMilliseconds())
                times.Add(_times[i % size]);
        return times;
    }

    /// <summary>The last so many values of one field, null where there is none.</summary>
    public double?[] Values(string name, TrafficField field, int count)
    {
        var all = new double?[count];
        if (_series.TryGetValue(name, out var values))
            for (var i = 0; i < count; i++)
                all[i] = values[(int)((_count - count + i) % size) * Fields + (int)field] is var v
                    && float.IsNaN(v) ? null : Math.Round(v, 3);
        return all;
    }

    /// <summary>
    /// Of the points since then: of a class, its share of the responses; of a quantile, the mean by responses. Null when there were
    /// fewer responses than that.
    /// </summary>
    public double? Mean(string name, DateTimeOffset since, TrafficField field, int least)
    {
        if (!_series.TryGetValue(name, out var values))
            return null;
        double sum = 0, answered = 0;
        for (var i = Math.Max(0, _count - size); i < _count; i++)
        {
            if (_times[i % size] < since.ToUnixTimeMilliseconds())
                continue;
            var point = values.AsSpan((int)(i % size) * Fields, Fields);
            double responses = 0;
            for (var c = TrafficField.Class1; c <= TrafficField.Class5; c++)
                responses += float.IsNaN(point[(int)c]) ? 0 : point[(int)c];
            if (float.IsNaN(point[(int)field]))
                continue;
            answered += responses;
            sum += field < TrafficField.P50 ? point[(int)field] : point[(int)field] * responses;
        }
        return answered * step.TotalSeconds < least ? null : sum / answered;
    }

    public void Write(BinaryWriter file)
    {
        var first = Math.Max(0, _count - size);
        file.Write(step.Ticks);
        file.Write((int)(_count - first));
        for (var i = first; i < _count; i++)
            file.Write(_times[i % size]);
        file.Write(_series.Count);
        foreach (var (name, values) in _series)
        {
            file.Write(name);
            for (var i = first; i < _count; i++)
                for (var field = 0; field < Fields; field++)
                    file.Write(values[i % size * Fields + field]);
        }
    }

    /// <summary>Takes what another process wrote, where its steps were the same.</summary>
    /// <exception cref="InvalidDataException">It is something else.</exception>
    public void Read(BinaryReader file, DateTimeOffset now)
    {
        var same = file.ReadInt64() == step.Ticks;
        var count = file.ReadInt32();
        if (count is < 0 or > 10_000)
            throw new InvalidDataException("too many points");
        var times = new long[count];
        for (var i = 0; i < count; i++)
            times[i] = file.ReadInt64();
        var names = file.ReadInt32();
        if (names is < 0 or > MostNames)
            throw new InvalidDataException("too many names");
        // What is older than is kept, or not older than now, is of no use.
        var from = Array.FindIndex(times, t => t >= (now - Kept).ToUnixTimeMilliseconds());
        var usable = same && count <= size && from >= 0 && times.Zip(times.Skip(1)).All(t => t.First < t.Second)
            && times[^1] <= now.ToUnixTimeMilliseconds();
        for (var n = 0; n < names; n++)
        {
            var name = file.ReadString();
            var values = new float[size * Fields];
            Array.Fill(values, float.NaN);
            for (var i = 0; i < count; i++)
                for (var field = 0; field < Fields; field++)
                    if (file.ReadSingle() is var value && usable && i >= from)
                        values[(i - from) * Fields + field] = value;
            if (usable)
                _series[name] = values;
        }
        if (!usable)
            return;
        _count = count - from;
        Array.Copy(times, from, _times, 0, count - from);
    }
}
