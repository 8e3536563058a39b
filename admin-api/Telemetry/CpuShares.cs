using System.Diagnostics;
using Managed.Proxy;

namespace Managed.AdminApi.Telemetry;

/// <summary>Turns the CPU seconds of a worker into a share of one core since the last reading that is at least a second old.</summary>
internal sealed class CpuShares
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, (long At, double Seconds, double Share)> _last = [];

    public double Of(WorkerStatus worker)
    {
        lock (_lock)
        {
            var now = Stopwatch.GetTimestamp();
            if (!_last.TryGetValue(worker.Id, out var last))
            {
                _last[worker.Id] = (now, worker.CpuSeconds, 0);
                return 0;
            }
            var elapsed = Stopwatch.GetElapsedTime(last.At, now).TotalSeconds;
            if (elapsed < 1)
                return last.Share;
            var share = Math.Round(Math.Clamp((worker.CpuSeconds - last.Seconds) / elapsed, 0, 1), 3);
            _last[worker.Id] = (now, worker.CpuSeconds, share);
            return share;
        }
    }
}
