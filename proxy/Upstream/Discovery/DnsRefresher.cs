using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Managed.Proxy.Configuration.Model;

namespace Managed.Proxy.Upstream.Discovery;

/// <summary>
/// Resolves the names of STRICT_DNS clusters, on a thread of its own: a resolver that hangs delays names, never traffic. An answer
/// replaces the endpoints of its name; a failure keeps the last good ones.
/// </summary>
internal sealed class DnsRefresher : IDisposable
{
    private readonly ConcurrentDictionary<ClusterState, long> _due = new();
    private readonly AutoResetEvent _changed = new(false);
    private volatile bool _stopping;

    public DnsRefresher()
    {
        new Thread(Run) { Name = "dns", IsBackground = true }.Start();
    }

    public void Watch(ClusterState state)
    {
        if (_due.TryAdd(state, 0)) _changed.Set();
    }

    public void Forget(ClusterState state) => _due.TryRemove(state, out _);

    /// <summary>Resolves once, now; used before a new cluster takes traffic. Waits at most five seconds.</summary>
    public static async Task ResolveAsync(ClusterState state, IReadOnlyList<EndpointTarget> targets, DnsLookupFamily family)
    {
        var names = targets.Where(t => t.Address is null).Select(t => t.HostName).Distinct();
        await Task.WhenAll(names.Select(async name =>
        {
            try
            {
                var addresses = await Dns.GetHostAddressesAsync(name).WaitAsync(TimeSpan.FromSeconds(5));
                Accept(state, name, addresses, family);
            }
            catch (Exception e) when (e is SocketException or TimeoutException or ArgumentException)
            {
                // No answer: the refresher asks again; until then the last good set stays.
            }
        }));
    }

    public void Dispose()
    {
        _stopping = true;
        _changed.Set();
    }

    private void Run()
    {
        while (!_stopping)
        {
            long now = Stopwatch.GetTimestamp(), next = now + Stopwatch.Frequency * 3600;
            foreach (var (state, due) in _due)
            {
                if (due <= now)
                {
                    Resolve(state);
                    _due.TryUpdate(state, Stopwatch.GetTimestamp() + (long)(state.DnsRefresh.TotalSeconds * Stopwatch.Frequency), due);
                }
                if (_due.TryGetValue(state, out long again)) next = Math.Min(next, again);
            }
            long wait = Math.Max(1, (next - Stopwatch.GetTimestamp()) * 1000 / Stopwatch.Frequency);
            _changed.WaitOne((int)Math.Min(wait, 3_600_000));
        }
    }

    private static void Resolve(ClusterState state)
    {
        foreach (string name in state.Targets.Where(t => t.Address is null).Select(t => t.HostName).Distinct().ToList())
        {
            try
            {
                Accept(state, name, Dns.GetHostAddresses(name), state.DnsFamily);
            }
            catch (Exception)
            {
                // As above; also for want of a descriptor or of memory: this thread goes on for the others.
            }
        }
    }

    private static void Accept(ClusterState state, string name, IPAddress[] addresses, DnsLookupFamily family)
    {
        var v4 = addresses.Where(a => a.AddressFamily == AddressFamily.InterNetwork);
        var v6 = addresses.Where(a => a.AddressFamily == AddressFamily.InterNetworkV6);
        // Envoy: AUTO prefers IPv6, V4_PREFERRED IPv4; the other family only when there is none of it.
        var chosen = family switch
        {
            DnsLookupFamily.V4Only => v4,
            DnsLookupFamily.V6Only => v6,
            DnsLookupFamily.V4Preferred => v4.Any() ? v4 : v6,
            DnsLookupFamily.All => addresses,
            _ => v6.Any() ? v6 : v4,
        };
        var distinct = chosen.Distinct().OrderBy(a => a.ToString(), StringComparer.Ordinal).ToArray();
        if (distinct.Length > 0) state.Resolved(name, distinct);
    }
}
