using System.Collections.Concurrent;
using System.Diagnostics;

namespace Managed.Proxy.Upstream.Discovery;

/// <summary>
/// Keeps the names of STRICT_DNS clusters resolved: a resolver that hangs delays the names it hangs on, never others and never traffic. An
/// answer replaces the endpoints of its name; a failure keeps the last good ones.
/// </summary>
internal sealed class DnsRefresher : IDisposable
{
    private readonly ConcurrentDictionary<ClusterMembers, long> _due = new();
    private readonly AutoResetEvent _changed = new(false);
    private readonly Resolver _resolver;
    private volatile bool _stopping;

    public DnsRefresher(Resolver? resolver = null)
    {
        _resolver = resolver ?? new();
        new Thread(Run) { Name = "dns-clock", IsBackground = true }.Start();
    }

    public void Watch(ClusterMembers members)
    {
        if (_due.TryAdd(members, 0)) _changed.Set();
    }

    public void Forget(ClusterMembers members) => _due.TryRemove(members, out _);

    /// <summary>Gives new clusters the last good answers for their names, without waiting.</summary>
    public void UseKnown(IEnumerable<Cluster> clusters)
    {
        foreach (var cluster in clusters)
            foreach (string name in NamesOf(cluster.Targets))
                if (_resolver.Known(name) is { } addresses) cluster.Members.Resolved(name, addresses);
    }

    /// <summary>
    /// Asks for all names at once; used before new clusters take traffic. Over when all have answered, or after <paramref name="longest"/>:
    /// what comes later still counts, until then the last good answers do. Names that are in service are not asked for, since they are kept
    /// resolved: while a resolver hangs each version would wait for it.
    /// </summary>
    public async Task ResolveAsync(IReadOnlyCollection<Cluster> clusters, TimeSpan longest, CancellationToken cancellation)
    {
        var inService = _due.Keys.SelectMany(m => NamesOf(m.Targets)).ToHashSet(StringComparer.OrdinalIgnoreCase);
        UseKnown(clusters);
        var all = Task.WhenAll(clusters.SelectMany(c => NamesOf(c.Targets)
            .Where(name => !inService.Contains(name) || _resolver.Known(name) is null).Select(name => ResolveAsync(c.Members, name))));
        try
        {
            await all.WaitAsync(longest, cancellation);
        }
        catch (TimeoutException)
        {
            UseKnown(clusters);
        }
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
            foreach (var (members, due) in _due)
            {
                if (due <= now)
                {
                    // A question that still waits for its answer is not asked twice.
                    foreach (string name in NamesOf(members.Targets)) _ = ResolveAsync(members, name);
                    members.Tick();
                    _due.TryUpdate(members, Stopwatch.GetTimestamp() + (long)(members.DnsRefresh.TotalSeconds * Stopwatch.Frequency), due);
                }
                if (_due.TryGetValue(members, out long again)) next = Math.Min(next, again);
            }
            long wait = Math.Max(1, (next - Stopwatch.GetTimestamp()) * 1000 / Stopwatch.Frequency);
            _changed.WaitOne((int)Math.Min(wait, 3_600_000));
        }
    }

    private async Task ResolveAsync(ClusterMembers members, string name)
    {
        if ((await _resolver.AskAsync(name) ?? _resolver.Known(name)) is { } addresses) members.Resolved(name, addresses);
    }

    private static List<string> NamesOf(IReadOnlyList<EndpointTarget> targets)
        => [.. targets.Where(t => t.Address is null).Select(t => t.HostName).Distinct()];
}
