using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.OnDemand;

/// <summary>
/// The names that requests ask for, and where they lead (Envoy: dns_cache_config). A name that is known costs a look-up; the first request
/// for another one waits for the resolver, with a time-out, beside no more than so many others. What nobody asks for is forgotten. Any
/// thread.
/// </summary>
internal sealed class DnsCache
{
    private readonly ConcurrentDictionary<string, DnsHost> _hosts = new(StringComparer.Ordinal);
    private readonly Func<string, Task<IPAddress[]?>> _ask;
    private readonly long _refreshMicros, _ttlMicros, _failureMicros, _longestFailureMicros;
    private int _count;
    private long _pending;

    /// <param name="ask">The resolver: the addresses of a name, null when there are none.</param>
    public DnsCache(DnsCacheConfig config, Func<string, Task<IPAddress[]?>> ask)
    {
        (Config, _ask) = (config, ask);
        var refresh = config.DnsRefreshRate > config.DnsMinRefreshRate ? config.DnsRefreshRate : config.DnsMinRefreshRate;
        (_refreshMicros, _ttlMicros) = (Micros(refresh), Micros(config.HostTtl));
        var failure = config.DnsFailureRefreshRate;
        _failureMicros = Micros(failure?.BaseInterval ?? config.DnsRefreshRate);
        _longestFailureMicros = Math.Max(_failureMicros,
            failure is null ? 0 : Micros(failure.MaxInterval ?? failure.BaseInterval!.Value * 10));
        Span<char> key = stackalloc char[HostKey.MaxLength];
        foreach (var item in config.PreresolveHostnames)
        {
            int length = HostKey.Write(System.Text.Encoding.ASCII.GetBytes(item.Address), item.PortValue, key, out int name);
            if (length > 0 && item.PortValue > 0) Ask(key[..length], name, item.PortValue, null, null, null, out _);
        }
    }

    public DnsCacheConfig Config { get; }
    public long Attempts, Successes, Failures, Timeouts, Added, Removed, Changed, HostOverflow, PendingOverflow;
    public int Count => Volatile.Read(ref _count);

    /// <summary>Null: it is not known, or has no address.</summary>
    public DnsHost? Find(ReadOnlySpan<char> key)
    {
        if (!_hosts.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(key, out var host)) return null;
        Volatile.Write(ref host.UsedMicros, WorkerContext.ClockMicros);
        return host.Current is null ? null : host;
    }

    /// <summary>Asks for a name, see <see cref="HostKey"/>.</summary>
    /// <param name="key">With its port.</param>
    /// <param name="nameLength">How much of it is the name.</param>
    /// <param name="port">The same port.</param>
    /// <param name="worker">Where <paramref name="then"/> runs, once, if the answer has to be waited for; null: nobody waits.</param>
    /// <param name="host">Null when there is no room for it.</param>
    public DnsLookup Ask(ReadOnlySpan<char> key, int nameLength, int port, WorkerContext? worker, Action<object?>? then, object? state,
        out DnsHost? host)
    {
        if (!_hosts.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(key, out host))
        {
            if (Interlocked.Increment(ref _count) > Config.MaxHosts)
            {
                Interlocked.Decrement(ref _count);
                Interlocked.Increment(ref HostOverflow);
                return DnsLookup.TooManyHosts;
            }
            var made = new DnsHost(key.ToString(), key[..nameLength].ToString(), port);
            host = _hosts.GetOrAdd(made.Key, made);
            if (host == made) Interlocked.Increment(ref Added); else Interlocked.Decrement(ref _count);
        }
        Volatile.Write(ref host.UsedMicros, WorkerContext.ClockMicros);
        if (host.IsKnown) return DnsLookup.Known;
        bool asks;
        lock (host)
        {
            if (host.IsKnown) return DnsLookup.Known;
            if (worker is not null)
            {
                if (Interlocked.Increment(ref _pending) > Config.DnsCacheCircuitBreaker.MaxPendingRequests)
                {
                    Interlocked.Decrement(ref _pending);
                    Interlocked.Increment(ref PendingOverflow);
                    return DnsLookup.TooManyWait;
                }
                (host.Waiting ??= []).Add((worker, then!, state));
            }
            asks = !host.IsAsked;
            host.IsAsked = true;
        }
        if (asks) _ = ResolveAsync(host);
        return DnsLookup.Waits;
    }

    /// <summary>Asks again for what is due, and forgets what nobody has asked for. Now and then, on a control thread.</summary>
    public void Tick(long nowMicros)
    {
        foreach (var (key, host) in _hosts)
        {
            bool asks = false;
            lock (host)
            {
                if (host.IsAsked) continue;
                if (nowMicros - Volatile.Read(ref host.UsedMicros) > _ttlMicros) Forget(key, host);
                else asks = host.IsAsked = host.DueMicros <= nowMicros;
            }
            if (asks) _ = ResolveAsync(host);
        }
    }

    private void Forget(string key, DnsHost host)
    {
        if (!_hosts.TryRemove(new KeyValuePair<string, DnsHost>(key, host))) return;
        Interlocked.Decrement(ref _count);
        Interlocked.Increment(ref Removed);
    }

    private async Task ResolveAsync(DnsHost host)
    {
        Interlocked.Increment(ref Attempts);
        IPAddress[]? answer = null;
        try
        {
            string name = host.Name is ['[', .. var inner, ']'] ? inner : host.Name;
            answer = IPAddress.TryParse(name, out var literal) ? [literal] : await _ask(name).WaitAsync(Config.DnsQueryTimeout);
        }
        catch (TimeoutException)
        {
            Interlocked.Increment(ref Timeouts);
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
        }
        Answered(host, answer ?? []);
    }

    // A name that has had an address keeps it as long as there is no other.
    private void Answered(DnsHost host, IPAddress[] answer)
    {
        var found = Addresses.Of(answer, Config.DnsLookupFamily);
        bool isGood = found.Count > 0;
        if (isGood)
        {
            var current = host.Current;
            if (current is null || !found.Contains(current.Address.EndPoint!.Address))
            {
                host.Current = new DnsAddress(SocketAddressBytes.From(new IPEndPoint(found[0], host.Port)));
                Interlocked.Increment(ref Changed);
            }
            Interlocked.Increment(ref Successes);
            host.Failures = 0;
        }
        else
        {
            Interlocked.Increment(ref Failures);
            host.Failures++;
        }
        long pause = isGood ? _refreshMicros : Math.Min(_longestFailureMicros, _failureMicros << Math.Min(host.Failures - 1, 20));
        host.DueMicros = WorkerContext.ClockMicros + (pause > 0 ? pause : _longestFailureMicros);
        List<(WorkerContext Worker, Action<object?> Then, object? State)>? waiting;
        lock (host)
        {
            host.IsKnown = true;
            host.IsAsked = false;
            (waiting, host.Waiting) = (host.Waiting, null);
            if (!isGood && host.Current is null && Config.DisableDnsRefreshOnFailure) Forget(host.Key, host);
        }
        foreach (var (worker, then, state) in waiting ?? [])
        {
            Interlocked.Decrement(ref _pending);
            worker.Post(then, state);
        }
    }

    /// <summary>Under Envoy's names.</summary>
    public IEnumerable<(string Name, double Value)> Statistics()
    {
        string prefix = $"dns_cache.{Config.Name}.";
        yield return (prefix + "dns_query_attempt", Volatile.Read(ref Attempts));
        yield return (prefix + "dns_query_success", Volatile.Read(ref Successes));
        yield return (prefix + "dns_query_failure", Volatile.Read(ref Failures));
        yield return (prefix + "dns_query_timeout", Volatile.Read(ref Timeouts));
        yield return (prefix + "host_address_changed", Volatile.Read(ref Changed));
        yield return (prefix + "host_added", Volatile.Read(ref Added));
        yield return (prefix + "host_removed", Volatile.Read(ref Removed));
        yield return (prefix + "host_overflow", Volatile.Read(ref HostOverflow));
        yield return (prefix + "dns_rq_pending_overflow", Volatile.Read(ref PendingOverflow));
        yield return (prefix + "num_hosts", Count);
    }

    private static long Micros(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;
}
