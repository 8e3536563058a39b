using Managed.Proxy;
using Managed.Proxy.Core.Telemetry;

namespace Managed.AdminApi.Telemetry;

/// <summary>
/// The traffic of one interval over all listeners; shares are those of all answers that were 5xx and 4xx, 0 to 1. Latencies
/// are null when nothing was answered in it.
/// </summary>
internal sealed record TrafficSample(DateTimeOffset Time, double Rps, double ErrorShare, double ClientErrorShare, double? P50Ms,
    double? P95Ms, double? P99Ms, long Connections)
{
    /// <summary>Reads the same counters again and again and makes samples of the differences.</summary>
    internal sealed class Meter(ProxyServer proxy)
    {
        private Reading? _last;

        /// <summary>The sample since the call before; null at the first.</summary>
        public TrafficSample? Next()
        {
            var now = Reading.Of(proxy.Stats);
            var last = _last;
            _last = now;
            if (last is null)
                return null;
            var seconds = Math.Max(0.001, (now.Time - last.Time).TotalSeconds);
            var latency = now.Latency.Since(last.Latency);
            // What has gone with its version counts no more.
            double answered = Math.Max(0, now.Answered - last.Answered), failed = Math.Clamp(now.Failed - last.Failed, 0, answered);
            var refused = Math.Clamp(now.Refused - last.Refused, 0, answered);
            double? Quantile(double q) => latency.Count == 0 ? null : Math.Round(latency.Quantile(q) / 1000, 3);
            return new(now.Time, Math.Round(Math.Max(0, now.Requests - last.Requests) / seconds, 1),
                answered > 0 ? Math.Round(failed / answered, 4) : 0, answered > 0 ? Math.Round(refused / answered, 4) : 0,
                Quantile(0.5), Quantile(0.95), Quantile(0.99), proxy.Workers().Sum(w => w.Connections));
        }

        private sealed record Reading(DateTimeOffset Time, double Requests, double Answered, double Failed, double Refused,
            HistogramSnapshot Latency)
        {
            public static Reading Of(StatsRegistry stats)
            {
                double requests = 0, answered = 0, failed = 0, refused = 0;
                var latency = new HistogramSnapshot();
                stats.Visit((group, name, stat) =>
                {
                    if (name.Length == 0 || !group.StartsWith("http.", StringComparison.Ordinal))
                        return;
                    switch (name)
                    {
                        case "downstream_rq_total":
                            requests += stat.Value;
                            break;
                        case "downstream_rq_completed":
                            answered += stat.Value;
                            break;
                        case "downstream_rq_5xx":
                            failed += stat.Value;
                            break;
                        case "downstream_rq_4xx":
                            refused += stat.Value;
                            break;
                        case "downstream_rq_time":
                            stat.AddTo(latency);
                            break;
                    }
                });
                return new(DateTimeOffset.UtcNow, requests, answered, failed, refused, latency);
            }
        }
    }
}
