using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Router;

/// <summary>
/// What one route of a route configuration has answered. Versions that have a route of this name in the same virtual host share it, and
/// with the last of them it goes. Each worker has cells of its own, made at its first request; a route that nobody asks for has none.
/// </summary>
public sealed class RouteCounts
{
    private static readonly Lock s_making = new();
    private Cells?[] _workers = []; // replaced as a whole, never written to

    internal RouteCounts(string table, string host, string route) => (RouteConfiguration, VirtualHost, Route) = (table, host, route);

    public string RouteConfiguration { get; }
    public string VirtualHost { get; }
    /// <summary>Its name, or <c>route-index</c>.</summary>
    public string Route { get; }

    /// <summary>Responses so far, of any status.</summary>
    public long Requests
    {
        get
        {
            long sum = 0;
            foreach (var cells in Volatile.Read(ref _workers)) sum += cells?.Requests ?? 0;
            return sum;
        }
    }

    /// <summary>Responses so far by the first digit of their status, 1 to 5.</summary>
    public long OfClass(int digit)
    {
        long sum = 0;
        foreach (var cells in Volatile.Read(ref _workers)) sum += cells is null ? 0 : Volatile.Read(ref cells.Classes[digit]);
        return sum;
    }

    /// <summary>Puts the times from request to response on top, in microseconds.</summary>
    public void AddTo(HistogramSnapshot times)
    {
        foreach (var cells in Volatile.Read(ref _workers)) cells?.Times?.AddTo(times);
    }

    /// <summary>On the worker.</summary>
    internal void Count(WorkerContext worker, int status, long micros)
    {
        var all = Volatile.Read(ref _workers);
        var cells = (worker.Id < all.Length ? all[worker.Id] : null) ?? Make(worker.Id);
        cells.Classes[(uint)status / 100 is var digit and < 6 ? (int)digit : 0]++;
        cells.Times?.Record(micros);
    }

    private Cells Make(int worker)
    {
        lock (s_making)
        {
            var more = new Cells?[Math.Max(worker + 1, _workers.Length)];
            _workers.CopyTo(more, 0);
            var made = more[worker] = new Cells();
            Volatile.Write(ref _workers, more);
            return made;
        }
    }

    private sealed class Cells
    {
        public readonly long[] Classes = new long[6];
        public readonly ShortTimes? Times = ShortTimes.TryMake(); // there may be 100,000 routes

        public long Requests
        {
            get
            {
                long sum = 0;
                for (int i = 0; i < Classes.Length; i++) sum += Volatile.Read(ref Classes[i]);
                return sum;
            }
        }
    }
}
