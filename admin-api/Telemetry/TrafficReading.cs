using Managed.Proxy;
using Managed.Proxy.Core.Telemetry;

namespace Managed.AdminApi.Telemetry;

/// <summary>Whose traffic it is, as addresses say it: <c>listener:edge</c>, <c>cluster:web</c>, <c>worker:0</c>;
/// empty for all listeners.</summary>
internal sealed class TrafficReading
{
    public const string All = "";

    public double Requests { get; set; }
    /// <summary>By the first digit of the status.</summary>
    public double[] Classes { get; } = new double[5];
    public double Connections { get; set; }
    public HistogramSnapshot Latency { get; } = new();

    public void Set(TrafficReading other)
    {
        (Requests, Connections) = (other.Requests, other.Connections);
        other.Classes.CopyTo(Classes, 0);
        Latency.Set(other.Latency);
    }

    private void Clear()
    {
        (Requests, Connections) = (0, 0);
        Array.Clear(Classes);
        Latency.Clear();
    }

    private void Add(TrafficReading other)
    {
        Requests += other.Requests;
        Connections += other.Connections;
        for (var i = 0; i < Classes.Length; i++)
            Classes[i] += other.Classes[i];
        if (other.Latency.Count > 0)
            Latency.Add(other.Latency);
    }

    /// <summary>Reads the same counters again and again; what has never moved takes no memory.</summary>
    internal sealed class Reader(ProxyServer proxy)
    {
        /// <summary>Listeners, clusters and workers whose traffic is kept; those that come later are in the sum alone.</summary>
        public const int MostNames = 300;

        private readonly Dictionary<string, string?> _names = new(StringComparer.Ordinal); // of groups of statistics
        private readonly Dictionary<string, TrafficReading> _readings = new(StringComparer.Ordinal) { [All] = new() };
        private readonly TrafficReading _scratch = new();

        public IReadOnlyDictionary<string, TrafficReading> Read()
        {
            var total = _readings[All];
            total.Clear();
            string? group = null, name = null;
            proxy.Stats.Visit((of, stat, reading) =>
            {
                if (!ReferenceEquals(of, group))
                {
                    Keep(name);
                    (group, name) = (of, NameOf(of));
                    _scratch.Clear();
                }
                if (name is not null)
                    Take(stat, reading);
            });
            Keep(name);
            foreach (var worker in proxy.Workers())
                if (Of($"worker:{worker.Id}") is { } own)
                    (own.Requests, own.Connections) = (worker.Requests, worker.Connections);
            if (_names.Count > 20_000)
                _names.Clear(); // of versions that are long gone
            return _readings;
        }

        // http.edge. and cluster.web. are groups; what has no dot at its end is a name of its own.
        private string? NameOf(string group)
        {
            if (!_names.TryGetValue(group, out var name))
                _names[group] = name = !group.EndsWith('.') ? null
                    : group.StartsWith("http.", StringComparison.Ordinal) ? "listener:" + group["http.".Length..^1]
                    : group.StartsWith("cluster.", StringComparison.Ordinal)
                        && !group.Contains(".circuit_breakers.", StringComparison.Ordinal)
                        ? "cluster:" + group["cluster.".Length..^1] : null;
            return name;
        }

        private void Take(string stat, StatReading reading)
        {
            switch (stat)
            {
                case "downstream_rq_total" or "upstream_rq_total":
                    _scratch.Requests = reading.Value;
                    break;
                case "downstream_cx_active" or "upstream_cx_active":
                    _scratch.Connections = reading.Value;
                    break;
                case "downstream_rq_time" or "upstream_rq_time":
                    reading.AddTo(_scratch.Latency);
                    break;
                case ['d' or 'u', .., '_', 'r', 'q', '_', >= '1' and <= '5' and var digit, 'x', 'x']:
                    _scratch.Classes[digit - '1'] = reading.Value;
                    break;
            }
        }

        private void Keep(string? name)
        {
            if (name is null || _scratch is { Requests: 0, Connections: 0 } && !_readings.ContainsKey(name))
                return;
            if (name.StartsWith('l'))
                _readings[All].Add(_scratch);
            Of(name)?.Set(_scratch);
        }

        private TrafficReading? Of(string name) => _readings.TryGetValue(name, out var reading) ? reading
            : _readings.Count > MostNames ? null : _readings[name] = new();
    }
}
