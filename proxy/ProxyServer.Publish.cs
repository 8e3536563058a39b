using System.Diagnostics;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.Pools;

namespace Managed.Proxy;

/// <summary>
/// Publication: prepare (sockets bound, names resolved), commit (one reference), acknowledge (every worker has passed a turn of its
/// loop with it). What fails before the commit changes nothing; what is not acknowledged in time is taken back.
/// </summary>
public sealed partial class ProxyServer
{
    private static readonly TimeSpan LongestResolving = TimeSpan.FromSeconds(5);

    public async Task<PublishResult> PublishAsync(Snapshot next, CancellationToken cancellation = default)
    {
        try
        {
            if (!next.NamesResolved) await ResolveNamesAsync(next, cancellation);
            await _publishing.WaitAsync(cancellation);
        }
        catch
        {
            next.Dispose();
            throw;
        }
        try
        {
            return await PublishLockedAsync(next);
        }
        finally
        {
            if (!next.InService) next.Dispose();
            _publishing.Release();
        }
    }

    private async Task<PublishResult> PublishLockedAsync(Snapshot next)
    {
        long start = Stopwatch.GetTimestamp();
        if (_draining) return Failed("the process is draining", start);
        var added = new List<(ListenAddress Address, Listener Listener)>();
        var errors = Bind(next, added);
        if (errors.HasErrors)
        {
            foreach (var (address, _) in added) address.Close();
            return new PublishResult(false, false, errors.Errors, [], Elapsed(start), Elapsed(start));
        }
        next.UseNames();
        if (await PrepareResourcesAsync(next) is { } unprepared)
        {
            foreach (var (address, _) in added) address.Close();
            return Failed(unprepared, start);
        }
        double prepared = Elapsed(start);

        var former = Current;
        Commit(next, added);
        var acks = await AcknowledgeAsync(next, start, prepared);
        bool timedOut = acks.Any(a => a.State != WorkerAckState.Acknowledged);
        if (timedOut)
        {
            Log.NotAcknowledged(_logger, next.Version, former?.Version ?? 0);
            if (former is not null) await TakeBackAsync(former, next);
            return new PublishResult(false, true, [], acks, prepared, Elapsed(start));
        }
        await RemoveUnusedAsync(next);
        Log.Published(_logger, next.Version, _workers.Length, Elapsed(start));
        return new PublishResult(true, false, [], acks, prepared, Elapsed(start));
    }

    private static PublishResult Failed(string why, long start)
        => new(false, false, [new ConfigError("#", "APPLY_FAILED", why, 0, 0, null, ConfigOrigin.None.Source)], [], Elapsed(start), Elapsed(start));

    private ConfigErrors Bind(Snapshot next, List<(ListenAddress, Listener)> added)
    {
        var errors = new ConfigErrors();
        foreach (var listener in next.Listeners)
        {
            if (_addresses.TryGetValue(listener.AddressKey, out var kept)) { listener.BoundAddress = kept.BoundAddress; continue; }
            var address = ListenAddress.Bind(listener, _workers.Length, out string? wrong);
            if (address is not null && address.Listen(listener, out wrong))
            {
                listener.BoundAddress = address.BoundAddress;
                added.Add((address, listener));
                continue;
            }
            address?.Close();
            errors.ErrorAt(listener.Config.Node, "address", "APPLY_FAILED", $"listener '{listener.Name}': {wrong}", "is another process, or an address of the same port, in the way?");
        }
        return errors;
    }

    /// <summary>
    /// Asks for the names of a version that is to be published, all at once and five seconds at most, so that its publication need not.
    /// </summary>
    /// <param name="waits">False: nobody is asked, the last good answers are taken.</param>
    public async Task ResolveNamesAsync(Snapshot next, CancellationToken cancellation = default, bool waits = true)
    {
        var named = next.Clusters.Values.Where(c => c.NeedsDns).ToList();
        if (named.Count > 0 && waits) await _dns.ResolveAsync(named, LongestResolving, cancellation);
        else _dns.UseKnown(named);
        next.NamesResolved = true;
    }

    // Guest VMs and the like: made here, then taken by each worker before it sees the version.
    private async Task<string?> PrepareResourcesAsync(Snapshot next)
    {
        var resources = next.Resources;
        foreach (var resource in resources)
            if (resource.Prepare(_workers) is { } reason) return reason;
        if (resources.Count == 0) return null;
        var installed = _workers.Select(worker =>
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            worker.Post(static s =>
            {
                var (w, version, all, completion) = ((Worker, Snapshot, IReadOnlyList<SharedResource>, TaskCompletionSource))s!;
                w.Installing = version;
                foreach (var resource in all) resource.Install(w);
                w.Installing = null;
                completion.SetResult();
            }, (worker, next, resources, done));
            return done.Task;
        });
        var all = Task.WhenAll(installed);
        return await Task.WhenAny(all, Task.Delay(_options.AcknowledgeTimeout)) == all ? null : $"a worker did not take the version's guest code within {_options.AcknowledgeTimeout.TotalSeconds:0} s";
    }

    private void Commit(Snapshot next, List<(ListenAddress Address, Listener Listener)> added)
    {
        foreach (var cluster in next.Clusters.Values) cluster.Members.OnRetire(RetirePools);
        var goneClusters = _clusters.Activate(next.Clusters.Values);
        foreach (var cluster in next.Clusters.Values)
            if (cluster.NeedsDns) _dns.Watch(cluster.Members); else _dns.Forget(cluster.Members);
        next.InService = true;
        lock (_generations) _generations.Add(next);
        next.IsPublished = true;
        _inService.Value = next; // the instant
        foreach (var (address, listener) in added)
        {
            address.Keep();
            _addresses[address.Key] = address;
            foreach (var worker in _workers) worker.Post(static s => StartAccepting(((Worker, ListenAddress))s!), (worker, address));
            _reports.Raise("listener.added", ("name", listener.Name), ("address", listener.BoundAddress?.ToString() ?? listener.AddressKey));
        }
        foreach (var members in goneClusters)
        {
            _dns.Forget(members);
            members.RetireAll();
        }
    }

    private async Task<IReadOnlyList<WorkerAck>> AcknowledgeAsync(Snapshot version, long start, double prepared)
    {
        var pending = _workers.Select(worker =>
        {
            var done = new TaskCompletionSource<double>(TaskCreationOptions.RunContinuationsAsynchronously);
            worker.Post(static s =>
            {
                var (w, snapshot, completion, since) = ((Worker, Snapshot, TaskCompletionSource<double>, long))s!;
                w.Connections.DrainRemoved(snapshot);
                w.OnPublished();
                completion.SetResult(Elapsed(since));
            }, (worker, version, done, start));
            return (worker.Id, done.Task);
        }).ToList();
        var all = Task.WhenAll(pending.Select(p => p.Task));
        await Task.WhenAny(all, Task.Delay(_options.AcknowledgeTimeout));
        var acks = new List<WorkerAck>();
        foreach (var (id, task) in pending)
            acks.Add(task.IsCompletedSuccessfully ? new WorkerAck(id, WorkerAckState.Acknowledged, prepared, await task) : new WorkerAck(id, WorkerAckState.TimedOut, prepared, 0));
        return acks;
    }

    private async Task TakeBackAsync(Snapshot former, Snapshot failed)
    {
        // The former version's addresses are all still there: removal comes after the acknowledgements.
        _clusters.Activate(former.Clusters.Values);
        _inService.Value = former;
        await AcknowledgeAsync(former, Stopwatch.GetTimestamp(), 0);
        await RemoveUnusedAsync(former);
    }

    private async Task RemoveUnusedAsync(Snapshot current)
    {
        foreach (var (key, address) in _addresses.ToList())
        {
            if (current.FindListener(key) is not null) continue;
            _addresses.Remove(key);
            StopAccepting(address);
            _reports.Raise("listener.removed", ("address", key));
        }
        // Behind the stopping of acceptors, whose last connections are still the former version's.
        lock (_generations)
        {
            _step++;
            foreach (var old in _generations)
                if (!ReferenceEquals(old, current)) old.RetiredAt = Math.Min(old.RetiredAt, _step);
            current.RetiredAt = long.MaxValue;
        }
        var passed = _workers.Select(worker =>
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            worker.Post(static s =>
            {
                var (w, step, completion) = ((Worker, long, TaskCompletionSource))s!;
                w.PassStep(step);
                completion.SetResult();
            }, (worker, _step, done));
            return done.Task;
        });
        // What nobody needs goes with the publication that replaced it; a worker that stands still makes it wait for the sweep.
        await Task.WhenAny(Task.WhenAll(passed), Task.Delay(_options.AcknowledgeTimeout));
        SweepGenerations();
    }

    /// <summary>
    /// Forgets old versions that nobody is on any more. What they hold outside the managed heap goes earlier, with their last stream and
    /// the last connection that holds them: every worker has a newer version and has left behind it whatever might have begun on this
    /// one, so nothing begins on it any more, whoever keeps an idle connection open.
    /// </summary>
    private void SweepGenerations()
    {
        lock (_generations)
        {
            foreach (var old in _generations)
                if (IsPast(old) && !old.IsInUse) old.Dispose();
            // Only what has given back: its last stream may have left since that look.
            _generations.RemoveAll(g =>
            {
                if (!g.IsDisposed || g.Connections > 0) return false;
                g.ReturnNames();
                return true;
            });
            if (!_stopped && _generations.Count > 1) _sweep.Change(SweepMs, Timeout.Infinite);
        }

        bool IsPast(Snapshot version) => !ReferenceEquals(version, Current) && Array.TrueForAll(_workers, w => w.Step >= version.RetiredAt);
    }

    private void SweepSafely()
    {
        try
        {
            SweepGenerations();
        }
        catch (Exception e)
        {
            _reports.OnCrash(e);
            if (!_stopped) _sweep.Change(SweepMs, Timeout.Infinite);
        }
    }

    private static void StartAccepting((Worker Worker, ListenAddress Address) what)
    {
        var acceptor = new Acceptor(what.Worker.Connections, what.Address.Key, what.Address.SocketOf(what.Worker));
        what.Address.Acceptors[what.Worker.Id] = acceptor;
        acceptor.Start();
    }

    private void StopAccepting(ListenAddress address)
    {
        address.RemoveFile();
        foreach (var worker in _workers) worker.Post(static s => { var (w, a) = ((Worker, ListenAddress))s!; a.Acceptors[w.Id]?.Stop(); a.Acceptors[w.Id] = null; }, (worker, address));
    }

    private void RetirePools(Endpoint endpoint)
    {
        foreach (var worker in _workers) worker.Post(static s => { var (w, e) = ((Worker, Endpoint))s!; EndpointPool.Retire(e, w); }, (worker, endpoint));
    }

    private static double Elapsed(long start) => Stopwatch.GetElapsedTime(start).TotalMilliseconds;
}
