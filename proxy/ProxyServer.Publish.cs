using System.Diagnostics;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.FaultInjection;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.Pools;

namespace Managed.Proxy;

/// <summary>
/// Publication: prepare (sockets bound, names resolved), commit (one reference), acknowledge (every worker has passed a turn of its
/// loop with it), settle (what only the former version had goes). What fails before the commit changes nothing; what fails behind it, or is
/// not acknowledged in time, is taken back: nothing of the former version has gone by then.
/// </summary>
public sealed partial class ProxyServer
{
    private static readonly TimeSpan LongestResolving = TimeSpan.FromSeconds(5);

    public async Task<PublishResult> PublishAsync(Snapshot next, CancellationToken cancellation = default)
    {
        bool hasTurn = false;
        try
        {
            if (!next.NamesResolved) await ResolveNamesAsync(next, cancellation);
            await _publishing.WaitAsync(cancellation);
            hasTurn = true;
            return await PublishLockedAsync(next);
        }
        finally
        {
            if (!next.InService) Attempt(next.Dispose);
            if (hasTurn) _publishing.Release();
        }
    }

    private async Task<PublishResult> PublishLockedAsync(Snapshot next)
    {
        long start = Stopwatch.GetTimestamp();
        if (_draining) return Failed("the process is draining", start);
        var added = new List<(ListenAddress Address, Listener Listener)>();
        PublishResult? refused;
        try
        {
            refused = await PrepareAsync(next, added, start);
        }
        catch (Exception e)
        {
            refused = Failed(Unforeseen(e), start);
        }
        if (refused is not null)
        {
            foreach (var (address, _) in added) address.Close();
            foreach (var cluster in next.Clusters.Values) Attempt(cluster.Members.Settle);
            foreach (var worker in _workers) Attempt(() => worker.Post(static w => ((Worker)w!).ForgetWhenPublished(), worker));
            return refused;
        }
        double prepared = Elapsed(start);

        var former = Current;
        string? failure = null;
        IReadOnlyList<WorkerAck> acks = [];
        try
        {
            Commit(next, added);
            acks = await AcknowledgeAsync(next, [.. added.Select(a => a.Address)], start, prepared);
        }
        catch (Exception e)
        {
            failure = Unforeseen(e);
        }
        if (failure is not null || acks.Any(a => a.State != WorkerAckState.Acknowledged))
        {
            Log.NotAcknowledged(_logger, next.Version, former?.Version ?? 0);
            await TakeBackAsync(former);
            return failure is not null ? Failed(failure, start) : new PublishResult(false, true, [], acks, prepared, Elapsed(start));
        }
        foreach (var (address, listener) in added)
            _reports.Raise("listener.added", ("name", listener.Name), ("address", address.BoundAddress?.ToString() ?? address.Place.Text));
        await SettleAsync(next);
        Log.Published(_logger, next.Version, _workers.Length, Elapsed(start));
        return new PublishResult(true, false, [], acks, prepared, Elapsed(start));
    }

    // A bug of ours or no memory: reported as such, and told to whoever publishes.
    private string Unforeseen(Exception e)
    {
        _reports.OnCrash(e);
        return "the publication failed: " + e.Message;
    }

    // What stands between a failure and a proxy that is half of two versions: tried again once, and nothing behind it is left out.
    private void Attempt(Action action)
    {
        for (int i = 0; i < 2; i++)
        {
            try
            {
                action();
                return;
            }
            catch (Exception e)
            {
                _reports.OnCrash(e);
            }
        }
    }

    // Null: it may be committed. Nothing of what is in service has changed either way.
    private async Task<PublishResult?> PrepareAsync(Snapshot next, List<(ListenAddress, Listener)> added, long start)
    {
        var errors = Bind(next, added);
        if (errors.HasErrors) return new PublishResult(false, false, errors.Errors, [], Elapsed(start), Elapsed(start));
        next.UseNames();
        if (await PrepareResourcesAsync(next) is { } unprepared) return Failed(unprepared, start);
        foreach (var cluster in next.Clusters.Values)
        {
            Faults.Pass(FaultPoint.Prepare);
            cluster.Members.OnRetire(RetirePools, RenewPools, DrainPools);
            cluster.Members.OnMembers(_health.Follow);
            cluster.Members.Prepare(cluster);
        }
        foreach (var cluster in next.Clusters.Values)
            if (cluster.Zone is not null) cluster.Members.OnHealthChanged(); // its proxies may have been prepared behind it
        return null;
    }

    private static PublishResult Failed(string why, long start)
        => new(false, false, [new ConfigError("#", "APPLY_FAILED", why, 0, 0, null, ConfigOrigin.None.Source)], [], Elapsed(start),
            Elapsed(start));

    private ConfigErrors Bind(Snapshot next, List<(ListenAddress, Listener)> added)
    {
        var errors = new ConfigErrors();
        foreach (var listener in next.Listeners.Where(l => l.Config.BindToPort))
            foreach (var place in listener.Places)
            {
                if (_addresses.TryGetValue(place.Key, out var kept)) { place.Bound = kept.BoundAddress; continue; }
                Faults.Pass(FaultPoint.Bind);
                var address = _inherited.Remove(place.Key, out var had)
                    ? ListenAddress.Adopt(place, _workers.Length, had, out string? wrong)
                    : ListenAddress.Bind(place, _workers.Length, _addresses.Values.Where(a => a.Place.Text == place.Text), out wrong);
                if (address is not null)
                {
                    added.Add((address, listener)); // whatever comes, it is closed with the others
                    if (address.Listen(listener, out wrong))
                    {
                        place.Bound = address.BoundAddress;
                        continue;
                    }
                }
                errors.ErrorAt(listener.Config.Node, "address", "APPLY_FAILED", $"listener '{listener.Name}': {wrong}",
                    "is another process, or an address of the same port, in the way?");
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
        var installed = Everywhere(worker =>
        {
            worker.Installing = next;
            try
            {
                Faults.Pass(FaultPoint.Install);
                foreach (var resource in resources) resource.Install(worker);
            }
            finally
            {
                worker.Installing = null;
            }
        });
        return await InTimeAsync(Task.WhenAll(installed)) ? null
            : $"a worker did not take the version's guest code within {_options.AcknowledgeTimeout.TotalSeconds:0} s";
    }

    private void Commit(Snapshot next, List<(ListenAddress Address, Listener Listener)> added)
    {
        next.InService = true; // from here on the sweep gives back what it has
        lock (_generations) _generations.Add(next);
        next.IsPublished = true;
        foreach (var (address, _) in added) _addresses[address.Key] = address;
        Faults.Pass(FaultPoint.Commit);
        _inService.Value = next; // the instant
        Faults.Pass(FaultPoint.Committed);
        Follow(next);
        foreach (var (address, _) in added) address.Keep();
    }

    // What lives on from version to version does as this one says.
    private void Follow(Snapshot version)
    {
        version.Count();
        _clusters.Follow(version.Clusters.Values);
        foreach (var cluster in version.Clusters.Values)
        {
            Faults.Pass(FaultPoint.DnsWatch);
            if (cluster.NeedsDns || cluster.OnDemand is not null || cluster.Zone is not null) _dns.Watch(cluster.Members);
            else _dns.Forget(cluster.Members);
        }
    }

    // On each worker; what throws there is the outcome of its task.
    private List<Task> Everywhere(Action<Worker> action)
    {
        var tasks = new List<Task>(_workers.Length);
        foreach (var worker in _workers)
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Faults.Pass(FaultPoint.Post);
            worker.Post(static s =>
            {
                var (w, what, completion) = ((Worker, Action<Worker>, TaskCompletionSource))s!;
                try
                {
                    what(w);
                    completion.SetResult();
                }
                catch (Exception e)
                {
                    w.Reports.OnCrash(e);
                    completion.SetException(e);
                }
            }, (worker, action, done));
            tasks.Add(done.Task);
        }
        return tasks;
    }

    /// <summary>False: not within the time that workers have. What the task throws it throws.</summary>
    private async Task<bool> InTimeAsync(Task task)
    {
        using var over = new CancellationTokenSource();
        bool inTime = await Task.WhenAny(task, Task.Delay(_options.AcknowledgeTimeout, over.Token)) == task;
        await over.CancelAsync();
        if (inTime) await task;
        return inTime;
    }

    private async Task<IReadOnlyList<WorkerAck>> AcknowledgeAsync(Snapshot? version, IReadOnlyList<ListenAddress> added, long start,
        double prepared)
    {
        var times = new double[_workers.Length];
        var taken = Everywhere(worker =>
        {
            Faults.Pass(FaultPoint.Acknowledge);
            worker.Connections.Take(version);
            if (!_holds)
                foreach (var address in added) address.Start(worker.Connections);
            worker.OnPublished();
            times[worker.Id] = Elapsed(start);
        });
        if (await InTimeAsync(Task.WhenAll(taken)))
            return [.. times.Select((t, id) => new WorkerAck(id, WorkerAckState.Acknowledged, prepared, t))];
        return [.. taken.Select((t, id) => t.IsCompletedSuccessfully
            ? new WorkerAck(id, WorkerAckState.Acknowledged, prepared, times[id])
                : new WorkerAck(id, WorkerAckState.TimedOut, prepared, 0))];
    }

    // All that the former version had is still there: what goes, goes behind the acknowledgements. Null: there was none.
    private async Task TakeBackAsync(Snapshot? former)
    {
        _inService.Value = former;
        Attempt(() =>
        {
            Faults.Pass(FaultPoint.TakeBack);
            if (former is not null) Follow(former);
        });
        try
        {
            await AcknowledgeAsync(former, [], Stopwatch.GetTimestamp(), 0);
        }
        catch (Exception e)
        {
            _reports.OnCrash(e);
        }
        await SettleAsync(former);
    }

    // There is no way back any more. Nothing of this fails the publication: what could not be done is done with the next one, or by the
    // sweep.
    private async Task SettleAsync(Snapshot? current)
    {
        Attempt(() => Everywhere(worker => worker.Connections.DrainRemoved(current)));
        foreach (var (key, address) in _addresses.ToList())
        {
            if (current?.FindListener(key) is { Config.BindToPort: true } listener)
            {
                Attempt(() => address.Listen(listener, out _)); // its queue may have another length
                continue;
            }
            Attempt(() => StopAccepting(address));
            _addresses.Remove(key);
            _reports.Raise("listener.removed", ("address", address.Place.Text));
        }
        Attempt(() =>
        {
            Faults.Pass(FaultPoint.Remove);
            foreach (var members in _clusters.Settle(current?.Clusters ?? NoClusters))
            {
                _dns.Forget(members);
                members.RetireAll();
            }
        });
        // Behind the stopping of acceptors, whose last connections are still the former version's.
        lock (_generations)
        {
            _step++;
            foreach (var old in _generations)
                if (!ReferenceEquals(old, current)) old.RetiredAt = Math.Min(old.RetiredAt, _step);
            if (current is not null) current.RetiredAt = long.MaxValue;
        }
        // What nobody needs goes with the publication that replaced it; a worker that stands still makes it wait for the sweep.
        IReadOnlyList<Task> passed = [];
        long step = _step;
        Attempt(() => passed = Everywhere(worker => worker.PassStep(step)));
        try
        {
            await InTimeAsync(Task.WhenAll(passed));
        }
        catch (Exception e)
        {
            _reports.OnCrash(e);
        }
        SweepSafely();
    }

    private static readonly IReadOnlyDictionary<string, Cluster> NoClusters = new Dictionary<string, Cluster>();

    /// <summary>
    /// Forgets old versions that nobody is on any more. What they hold outside the managed heap goes earlier, with their last stream and
    /// the last connection that holds them: every worker has a newer version and has left behind it whatever might have begun on this
    /// one, so nothing begins on it any more, whoever keeps an idle connection open.
    /// </summary>
    private void SweepGenerations()
    {
        lock (_generations)
        {
            Faults.Pass(FaultPoint.Sweep);
            foreach (var old in _generations)
                if (IsPast(old) && !old.IsInUse) Attempt(old.Dispose);
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

    private void StopAccepting(ListenAddress address)
    {
        foreach (var worker in _workers)
        {
            Faults.Pass(FaultPoint.Post);
            worker.Post(static s =>
            {
                var (connections, a) = ((WorkerConnections, ListenAddress))s!;
                a.Stop(connections);
            }, (worker.Connections, address));
        }
        if (!_sharesSockets) address.RemoveFile();
    }

    private void RetirePools(Endpoint endpoint)
    {
        foreach (var worker in _workers) worker.Post(static s =>
        {
            var (w, e) = ((Worker, Endpoint))s!;
            EndpointPool.Retire(e, w);
        }, (worker, endpoint));
    }

    private void RenewPools(Endpoint endpoint)
    {
        foreach (var worker in _workers) worker.Post(static s =>
        {
            var (w, e) = ((Worker, Endpoint))s!;
            EndpointPool.Renew(e, w);
        }, (worker, endpoint));
    }

    private void DrainPools(Endpoint endpoint, bool cut)
    {
        foreach (var worker in _workers) worker.Post(static s =>
        {
            var (w, e, all) = ((Worker, Endpoint, bool))s!;
            EndpointPool.Drain(e, w, all);
        }, (worker, endpoint, cut));
    }

    private static double Elapsed(long start) => Stopwatch.GetElapsedTime(start).TotalMilliseconds;
}
