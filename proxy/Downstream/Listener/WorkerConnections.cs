using Managed.Proxy.Core.FaultInjection;
using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>A worker's connections: from accept [1] through the choice of the chain [2] to the terminal network filter [3].</summary>
internal sealed class WorkerConnections(WorkerContext worker, CurrentGeneration current)
{
    private const int PressedPerTurn = 64;
    private readonly HashSet<Transport> _inspected = []; // connections whose chain is not chosen yet
    private DownstreamConnection? _connections, _nextPressed;
    private long _count;

    public WorkerContext Worker => worker;
    /// <summary>How many are open. Any thread.</summary>
    public long Count => Volatile.Read(ref _count);
    /// <summary>The version that new connections and new requests get; null as long as there is none.</summary>
    public Generation? Current => current.Value;

    /// <summary>
    /// Whether one more connection may come; it counts from now, until what <c>Serve</c> makes of it has ended. A refusal counts
    /// too.
    /// </summary>
    public bool Admits(Listener listener)
    {
        var overload = worker.Overload;
        if (overload.RefusesConnections)
        {
            worker.Stats.Increment(listener.Stats.CxOverloadReject);
            return false;
        }
        if (!listener.Connections.TryEnter(listener.Config.ConnectionLimit ?? int.MaxValue))
        {
            worker.Stats.Increment(listener.Stats.CxOverflow);
            return false;
        }
        if (listener.Config.IgnoreGlobalConnLimit || overload.Connections.TryEnter(overload.MaxConnections)) return true;
        listener.Connections.Leave();
        worker.Stats.Increment(listener.Stats.GlobalCxOverflow);
        return false;
    }

    /// <summary>Gives back the place that <see cref="Admits"/> took.</summary>
    public void Leave(Listener listener, bool countsGlobally) => Leave(listener, countsGlobally, listener.Balance);

    /// <summary>The same for one that no worker is counted for.</summary>
    public void LeaveUncounted(Listener listener) => Leave(listener, !listener.Config.IgnoreGlobalConnLimit, null);

    private void Leave(Listener listener, bool countsGlobally, ExactBalance? balance)
    {
        balance?.Leave(worker.Id);
        listener.Connections.Leave();
        if (countsGlobally) worker.Overload.Connections.Leave();
    }

    /// <summary>The version that this worker has taken, and the one before it as long as connections may still come to it.</summary>
    public ListenerGeneration? Taken { get; private set; }
    public ListenerGeneration? Former { get; private set; }

    /// <summary>Nothing begins any more on the versions before the one that is taken.</summary>
    public void ForgetFormer() => Former = null;

    /// <summary>
    /// Takes over what was accepted and admitted: whatever comes, its place is given back with its end. What throws in here has cost the
    /// connection.
    /// </summary>
    /// <param name="transport">What was accepted, and admitted.</param>
    /// <param name="listener">The listener of its address.</param>
    /// <param name="generation">The version that the listener is of.</param>
    /// <param name="isCurrent">False when the listener was removed while the connection waited to be accepted.</param>
    /// <param name="addressKey">The address that it came to; null: the listener's first.</param>
    public void Serve(Transport transport, Listener listener, ListenerGeneration generation, bool isCurrent, string? addressKey = null)
        => Serve(transport, listener, generation, isCurrent, addressKey ?? listener.AddressKey, null);

    private void Serve(Transport transport, Listener listener, ListenerGeneration generation, bool isCurrent, string key,
        ConnectionFacts? handedOn)
    {
        worker.Stats.Increment(listener.Stats.CxTotal);
        // [2.1] What the first bytes tell.
        var filters = worker.Challenges.Now is { Tls.Count: > 0 } ? listener.ChallengeFilters ?? listener.Filters : listener.Filters;
        if (filters.Length > 0) InspectAsync(transport, listener, filters, generation, isCurrent, key, handedOn).Forget();
        else
            Begin(transport, listener, handedOn ?? (listener.Matcher.Only is null ? FactsOf(transport) : null), generation, isCurrent, key);
    }

    // To the listener of the address that the client wanted to reach, whose own filters then look at it; once. Null: it stays.
    private static Listener? HandOn(Listener listener, ConnectionFacts facts, ListenerGeneration generation)
        => listener.Config.UseOriginalDst && facts is { AddressesRestored: true, Local: { } wanted }
            && generation.FindByDestination(wanted) is { } other && other != listener ? other : null;

    private static ConnectionFacts FactsOf(Transport transport)
        => new() { Local = transport.LocalAddress, Source = transport.RemoteAddress, DirectSource = transport.RemoteAddress };

    // [2] The listener filters. What the version holds stays until they are through, and that has a time limit.
    private async IoTask<bool> InspectAsync(Transport transport, Listener listener, ListenerFilterFactory[] filters,
        ListenerGeneration generation, bool isCurrent, string key, ConnectionFacts? handedOn)
    {
        bool begins = false;
        ConnectionFacts? facts = null;
        bool held = generation.TryHold(worker);
        worker.Stats.Increment(listener.Stats.PreCxActive);
        try
        {
            _inspected.Add(transport);
            facts = handedOn ?? FactsOf(transport);
            var result = held ? await ListenerFilterPass.RunAsync(worker, transport, filters, facts,
                (long)listener.Config.ListenerFiltersTimeout.TotalMicroseconds)
                : InspectionResult.Rejected;
            if (result == InspectionResult.TimedOut) worker.Stats.Increment(listener.Stats.PreCxTimeout);
            begins = !transport.IsClosed && (result == InspectionResult.Done
                || (result == InspectionResult.TimedOut && listener.Config.ContinueOnListenerFiltersTimeout));
            if (begins && listener.ChallengeFilters is not null && ChallengeHandshake.For(worker, facts) is { } shown)
            {
                begins = false;
                await ChallengeHandshake.AnswerAsync(worker, transport, shown);
            }
        }
        catch (Exception e)
        {
            worker.Reports.OnCrash(e);
        }
        worker.Stats.Decrement(listener.Stats.PreCxActive);
        _inspected.Remove(transport);
        try
        {
            if (begins && handedOn is null && HandOn(listener, facts!, generation) is { } other)
            {
                Leave(listener, !listener.Config.IgnoreGlobalConnLimit);
                if (Admits(other))
                {
                    other.Balance?.EnterAt(worker.Id);
                    Serve(transport, other, generation, isCurrent, other.AddressKey, facts);
                }
                else transport.Close();
            }
            else if (begins) Begin(transport, listener, facts, generation, isCurrent, key);
            else
            {
                transport.Close();
                Leave(listener, !listener.Config.IgnoreGlobalConnLimit);
            }
        }
        finally
        {
            if (held) generation.LetGo(worker);
        }
        return true;
    }

    // The chain is chosen, and runs the connection. Without facts there is nothing to choose.
    private void Begin(Transport transport, Listener listener, ConnectionFacts? facts, ListenerGeneration generation, bool isCurrent,
        string key)
    {
        DownstreamConnection? connection = null;
        try
        {
            Faults.Pass(FaultPoint.Serve);
            // [2.2] The chain.
            var chain = facts is null ? listener.Matcher.Only : listener.Matcher.Match(facts);
            if (chain is null) worker.Stats.Increment(listener.Stats.NoFilterChainMatch);
            else connection = new DownstreamConnection(this, transport, chain, generation)
                { Facts = facts, AddressKey = key, Balance = listener.Balance };
        }
        finally
        {
            if (connection is null)
            {
                transport.Close();
                Leave(listener, !listener.Config.IgnoreGlobalConnLimit);
            }
        }
        if (connection is null) return;
        connection.Next = _connections;
        if (_connections is not null) _connections.Previous = connection;
        _connections = connection;
        _count++;
        worker.Stats.Increment(listener.Stats.CxActive);
        generation.EnterConnection(worker);
        if (connection.Chain.Filters.Length > 0 && !connection.HoldFilters())
        {
            // Nothing may be served without its filters. Where the version is current, this cannot be.
            worker.Reports.OnCrash(new InvalidOperationException(
                $"a connection came to version {generation.Version}, which has given back its filters"));
            End(connection);
            return;
        }
        // While it was looked at, another version may have come that has its chain.
        if (facts is not null && isCurrent && !ReferenceEquals(generation, Current))
            isCurrent = connection.SuccessorIn((ListenerGeneration)Current!) is not null;
        if (!isCurrent) DrainSafely(connection);
        RunAsync(connection).Forget();
    }

    private async IoTask<bool> RunAsync(DownstreamConnection connection)
    {
        try
        {
            // [3.1] Whoever may refuse it, [3.2] the transport socket, [3.3] the filters before the last, [3.4] the last, which runs the
            // connection.
            if ((connection.Chain.Filters.Length == 0 || await AdmitAsync(connection))
                && (connection.Chain.TransportSocket is not { } socket || await socket.AcceptAsync(connection))
                && (connection.Chain.BytesFilters.Length == 0 || await FilterAsync(connection)))
                await connection.Chain.Terminal.RunAsync(connection);
        }
        catch (Exception e)
        {
            // A bug of ours or of a filter: it costs this connection and is reported.
            worker.Reports.OnCrash(e);
        }
        End(connection);
        return true;
    }

    // Everything is given back, whatever of it throws.
    private void End(DownstreamConnection connection)
    {
        connection.OnCut = connection.OnDrain = connection.OnPressed = null;
        if (connection.CutTimer is { } cut) worker.Timers.Remove(cut);
        try
        {
            connection.Transport.Close(); // tells the network filters too
            Faults.Pass(FaultPoint.ConnectionEnd);
        }
        catch (Exception e)
        {
            worker.Reports.OnCrash(e);
        }
        if (connection.Previous is null) _connections = connection.Next; else connection.Previous.Next = connection.Next;
        if (connection.Next is not null) connection.Next.Previous = connection.Previous;
        if (_nextPressed == connection) _nextPressed = connection.Next;
        _count--;
        var stats = connection.Chain.Listener.Stats; // of the version that it is on by now
        worker.Stats.Decrement(stats.CxActive);
        worker.Stats.Increment(stats.CxDestroy);
        Leave(connection.Chain.Listener, connection.CountsGlobally, connection.Balance);
        connection.Generation.LeaveConnection(worker);
        foreach (var filter in connection.Admitted.Span) LeaveSafely(filter, connection);
        connection.LetGo();
        try
        {
            connection.Chain.Listener.AccessLog?.Log(worker, connection.Describe());
        }
        catch (Exception e)
        {
            worker.Reports.OnCrash(e);
        }
    }

    // What was admitted leaves with its end, whatever version it is on by then.
    private static async IoTask<bool> AdmitAsync(DownstreamConnection connection)
    {
        var filters = connection.Chain.Filters;
        for (int i = 0; i < filters.Length; i++)
        {
            if (!await filters[i].AdmitAsync(connection)) return false;
            connection.Admitted = filters.AsMemory(0, i + 1);
        }
        return !connection.Transport.IsClosed;
    }

    private void LeaveSafely(NetworkFilterFactory filter, DownstreamConnection connection)
    {
        try
        {
            filter.Leave(connection);
        }
        catch (Exception e)
        {
            worker.Reports.OnCrash(e);
        }
    }

    // The network filters of the chain, between the socket and whoever runs the connection. False: one of them will not have it.
    private async IoTask<bool> FilterAsync(DownstreamConnection connection)
    {
        var factories = connection.Chain.BytesFilters;
        var filters = new NetworkFilter[factories.Length];
        int made = 0;
        try
        {
            for (; made < filters.Length; made++)
            {
                Faults.Pass(FaultPoint.NetworkFilterCreate);
                if (factories[made].Create(connection) is not { } filter) break;
                filters[made] = filter;
            }
        }
        finally
        {
            if (made < filters.Length) CloseAll(filters.AsSpan(0, made));
        }
        if (made < filters.Length) return false;
        var transport = new FilteredTransport(worker.Loop, connection.Transport, filters);
        foreach (var filter in filters) (filter.Transport, filter.Connection) = (transport, connection);
        connection.Transport = transport;
        bool begins = await transport.BeginAsync((long)connection.Chain.Listener.Config.ListenerFiltersTimeout.TotalMicroseconds);
        if (transport.BeganTooLate) worker.Stats.Increment(connection.Chain.Listener.Stats.PreCxTimeout);
        return begins;
    }

    private void CloseAll(ReadOnlySpan<NetworkFilter> filters)
    {
        foreach (var filter in filters)
        {
            try
            {
                filter.OnClose(ConnectionEnd.Local);
            }
            catch (Exception e)
            {
                worker.Reports.OnCrash(e);
            }
        }
    }

    /// <summary>From now on connections come to this version. Null: to none.</summary>
    public void Take(ListenerGeneration? newest) => (Former, Taken) = (Taken, newest);

    /// <summary>
    /// After a publication: what has no successor in the version that was taken drains, and is cut when its time is over, which a version
    /// that still has the listener may make shorter.
    /// </summary>
    public void DrainRemoved(ListenerGeneration? newest)
    {
        for (DownstreamConnection? connection = _connections, next; connection is not null; connection = next)
        {
            next = connection.Next;
            var listener = newest?.FindListener(connection.AddressKey);
            if (connection.IsDraining)
            {
                if (listener is not null) CutWithin(connection, listener.Config.DrainTimeout);
            }
            else if (newest is not null && connection.SuccessorIn(newest) is { } successor) connection.Adopt(successor);
            else DrainSafely(connection, listener?.Config.DrainTimeout);
        }
    }

    // One that cannot be told to drain is closed: the others are to hear of it all the same.
    private void DrainSafely(DownstreamConnection connection, TimeSpan? time = null, bool hurried = false)
    {
        try
        {
            Faults.Pass(FaultPoint.Drain);
            Drain(connection, time, hurried);
        }
        catch (Exception e)
        {
            worker.Reports.OnCrash(e);
            connection.Transport.Close(reset: true);
        }
    }

    /// <summary>Drains the connections of a listener, or all of them.</summary>
    public void DrainWhere(string? addressKey, TimeSpan time)
    {
        if (addressKey is null)
            foreach (var transport in _inspected.ToArray()) transport.Close();
        for (DownstreamConnection? connection = _connections, next; connection is not null; connection = next)
        {
            next = connection.Next;
            if (addressKey is null || connection.Chain.Listener.AddressKey == addressKey)
                DrainSafely(connection, time, hurried: addressKey is null);
        }
    }

    /// <summary>Short of memory or connections: what only waits may go, some in each turn.</summary>
    public void PressAll()
    {
        bool isAtIt = _nextPressed is not null;
        _nextPressed ??= _connections;
        if (!isAtIt) PressSome();
    }

    private void PressSome()
    {
        for (int left = PressedPerTurn; left > 0 && _nextPressed is { } connection; left--)
        {
            _nextPressed = connection.Next;
            connection.OnPressed?.Invoke(connection.HookState);
        }
        if (_nextPressed is not null) worker.Loop.NextTurn(static w => ((WorkerConnections)w!).PressSome(), this);
    }

    private void Drain(DownstreamConnection connection, TimeSpan? time = null, bool hurried = false)
    {
        if (connection.IsDraining && !hurried) return;
        connection.DrainsSince = worker.NowMicros;
        connection.Drain(hurried);
        CutWithin(connection, time ?? connection.DrainTimeout);
    }

    // Counted from the beginning; the earliest time counts.
    private void CutWithin(DownstreamConnection connection, TimeSpan time)
    {
        long at = connection.DrainsSince + (long)time.TotalMicroseconds;
        if (connection.CutTimer is not null && connection.CutAt <= at) return;
        connection.CutAt = at;
        connection.CutTimer ??= new WheelTimer(static c => ((DownstreamConnection)c!).Cut(), connection);
        worker.Timers.Arm(connection.CutTimer, Math.Max(1, at - worker.NowMicros));
    }
}
