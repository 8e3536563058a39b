using System.Runtime.CompilerServices;
using Managed.Proxy;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Router;

namespace Managed.AdminApi.Telemetry;

/// <summary>Whose traffic it is, as addresses say it: <c>listener:edge</c>, <c>cluster:web</c>, <c>worker:0</c>,
/// <c>route:web/all/api</c> (route configuration, virtual host, route); empty for all listeners.</summary>
internal sealed class TrafficReading
{
    public const string All = "";

    private long _seen; // the number of the reading that met it last

    public double Requests { get; set; }
    /// <summary>By the first digit of the status.</summary>
    public double[] Classes { get; } = new double[5];
    public double Connections { get; set; }
    public HistogramSnapshot Latency { get; private init; } = new();

    /// <summary>Responses of any status.</summary>
    public double Answered => Classes.Sum();

    /// <summary>What came since an earlier reading; null, or one of counters that have gone since, stands for nothing.</summary>
    public TrafficReading Since(TrafficReading? earlier)
    {
        if (earlier is null || earlier.Requests > Requests)
            earlier = new();
        var since = new TrafficReading
        {
            Requests = Requests - earlier.Requests, Connections = Connections, Latency = Latency.Since(earlier.Latency),
        };
        for (var i = 0; i < Classes.Length; i++)
            since.Classes[i] = Math.Max(0, Classes[i] - earlier.Classes[i]);
        return since;
    }

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
    internal sealed class Reader(ProxyServer proxy, bool listenersOnly = false)
    {
        /// <summary>
        /// Listeners, clusters and workers whose traffic is kept; one that comes later takes the place of one that is gone, or is in the
        /// sum alone.
        /// </summary>
        public const int MostNames = 300;

        /// <summary>Likewise routes; a busier one takes the place of the one that had least.</summary>
        public const int MostRoutes = 200;

        private readonly Dictionary<string, string?> _names = new(StringComparer.Ordinal); // of groups of statistics
        private readonly Dictionary<string, TrafficReading> _readings = new(StringComparer.Ordinal) { [All] = new() };
        private readonly TrafficReading _scratch = new();
        private readonly ConditionalWeakTable<RouteCounts, string> _routes = [];
        private int _routesKept;
        private long _reads;

        public IReadOnlyDictionary<string, TrafficReading> Read()
        {
            _reads++;
            var total = _readings[All];
            total.Clear();
            total._seen = _reads;
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
            foreach (var worker in listenersOnly ? [] : proxy.Workers())
                if (Of($"worker:{worker.Id}") is { } own)
                    (own.Requests, own.Connections) = (worker.Requests, worker.Connections);
            if (!listenersOnly)
                ReadRoutes();
            if (_names.Count > 20_000)
                _names.Clear(); // of versions that are long gone
            return _readings;
        }

        private void ReadRoutes()
        {
            foreach (var route in proxy.RouteCounts())
            {
                if (route.Requests is not (> 0 and var requests))
                    continue;
                var name = _routes.GetValue(route, r => $"route:{r.RouteConfiguration}/{r.VirtualHost}/{r.Route}");
                if (!_readings.TryGetValue(name, out var reading))
                {
                    if (_routesKept >= MostRoutes && !MakeRoomForRoute(requests))
                        continue;
                    _routesKept++;
                    _readings[name] = reading = new();
                }
                reading._seen = _reads;
                reading.Requests = requests;
                for (var i = 0; i < reading.Classes.Length; i++)
                    reading.Classes[i] = route.OfClass(i + 1);
                reading.Latency.Clear();
                route.AddTo(reading.Latency);
            }
        }

        private bool MakeRoomForRoute(double requests)
        {
            var least = _readings.Where(r => r.Key.StartsWith("route:", StringComparison.Ordinal))
                .MinBy(r => r.Value._seen < _reads - 1 ? -1 : r.Value.Requests);
            if (least.Value._seen >= _reads - 1 && least.Value.Requests * 2 > requests)
                return false;
            _routesKept--;
            return _readings.Remove(least.Key);
        }

        private bool MakeRoom()
        {
            var gone = _readings.FirstOrDefault(r => r.Value._seen < _reads - 1 && !r.Key.StartsWith("route:", StringComparison.Ordinal));
            return gone.Key is not null && _readings.Remove(gone.Key);
        }

        // http.edge. and cluster.web. are groups; what has no dot at its end is a name of its own.
        private string? NameOf(string group)
        {
            if (!_names.TryGetValue(group, out var name))
                _names[group] = name = !group.EndsWith('.') ? null
                    : group.StartsWith("http.", StringComparison.Ordinal) ? "listener:" + group["http.".Length..^1]
                    : !listenersOnly && group.StartsWith("cluster.", StringComparison.Ordinal)
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

        private TrafficReading? Of(string name)
        {
            if (!_readings.TryGetValue(name, out var reading))
            {
                if (_readings.Count - _routesKept > MostNames && !MakeRoom())
                    return null;
                _readings[name] = reading = new();
            }
            reading._seen = _reads;
            return reading;
        }
    }
}
