using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Downstream.NetworkFilters;

namespace Managed.Proxy;

/// <summary>A worker's connections: from accept [1] through the choice of the chain [2] to the terminal network filter [3].</summary>
public sealed partial class Worker
{
    private DownstreamConnection? _connections;
    private long _connectionCount;

    internal long Connections => Volatile.Read(ref _connectionCount);

    /// <param name="transport">What was accepted.</param>
    /// <param name="listener">The listener of its address.</param>
    /// <param name="snapshot">The current version.</param>
    /// <param name="isCurrent">False when the listener was removed while the connection waited to be accepted.</param>
    internal void Serve(Transport transport, Listener listener, Snapshot snapshot, bool isCurrent)
    {
        Stats.Increment(listener.Stats.CxTotal);
        var chain = listener.Matcher.Only ?? listener.Matcher.Match(new ChainQuery(transport.LocalAddress, transport.RemoteAddress, transport.RemoteAddress, "", "raw_buffer", []));
        if (chain is null)
        {
            Stats.Increment(listener.Stats.NoFilterChainMatch);
            transport.Close();
            return;
        }
        var connection = new DownstreamConnection(this, transport, chain, snapshot);
        connection.Next = _connections;
        if (_connections is not null) _connections.Previous = connection;
        _connections = connection;
        _connectionCount++;
        Stats.Increment(listener.Stats.CxActive);
        snapshot.EnterConnection(this);
        if (!isCurrent) Drain(connection, listener.Config.DrainTimeout);
        RunAsync(connection).Forget();
    }

    private async IoTask<bool> RunAsync(DownstreamConnection connection)
    {
        var stats = connection.Chain.Listener.Stats;
        try
        {
            if (connection.Chain.Filters.Length == 0 || await FilterAsync(connection)) await connection.Chain.Terminal.RunAsync(connection);
        }
        catch (Exception e)
        {
            // A bug of ours or of a filter: it costs this connection and is reported.
            Server.OnWorkerCrash(e);
        }
        connection.OnCut = connection.OnDrain = null;
        if (connection.CutTimer is { } cut) Timers.Remove(cut);
        connection.Transport.Close(); // tells the network filters too
        if (connection.Previous is null) _connections = connection.Next; else connection.Previous.Next = connection.Next;
        if (connection.Next is not null) connection.Next.Previous = connection.Previous;
        _connectionCount--;
        Stats.Decrement(stats.CxActive);
        Stats.Increment(stats.CxDestroy);
        connection.Snapshot.LeaveConnection(this);
        connection.Chain.Listener.AccessLog?.Log(this, connection.Describe());
        return true;
    }

    // The network filters of the chain, between the socket and whoever runs the connection. False: one of them will not have it.
    private async IoTask<bool> FilterAsync(DownstreamConnection connection)
    {
        var factories = connection.Chain.Filters;
        var filters = new NetworkFilter[factories.Length];
        for (int i = 0; i < filters.Length; i++)
        {
            if (factories[i].Create(connection) is not { } filter)
            {
                for (int made = 0; made < i; made++) filters[made].OnClose(ConnectionEnd.Local);
                return false;
            }
            filters[i] = filter;
        }
        var transport = new FilteredTransport(Loop, connection.Transport, filters);
        foreach (var filter in filters) (filter.Transport, filter.Connection) = (transport, connection);
        connection.Transport = transport;
        return await transport.BeginAsync();
    }

    /// <summary>
    /// After a publication: what has no successor in the current version drains, and is cut when its time is over, which a version that
    /// still has the listener may make shorter.
    /// </summary>
    internal void DrainRemoved(Snapshot current)
    {
        for (var connection = _connections; connection is not null; connection = connection.Next)
        {
            var listener = current.FindListener(connection.Chain.Listener.AddressKey);
            if (connection.IsDraining)
            {
                if (listener is not null) CutWithin(connection, listener.Config.DrainTimeout);
                continue;
            }
            var next = listener?.FindChain(connection.Chain.Name);
            if (next is not null && next.Terminal.GetType() == connection.Chain.Terminal.GetType()) connection.Adopt(next);
            else Drain(connection, listener?.Config.DrainTimeout ?? connection.DrainTimeout);
        }
    }

    /// <summary>Drains the connections of a listener, or all of them.</summary>
    internal void DrainWhere(string? addressKey, TimeSpan time)
    {
        for (var connection = _connections; connection is not null; connection = connection.Next)
            if (addressKey is null || connection.Chain.Listener.AddressKey == addressKey) Drain(connection, time, hurried: addressKey is null);
    }

    private void Drain(DownstreamConnection connection, TimeSpan time, bool hurried = false)
    {
        if (connection.IsDraining && !hurried) return;
        connection.DrainsSince = NowMicros;
        connection.Drain(hurried);
        CutWithin(connection, time);
    }

    // Counted from the beginning; the earliest time counts.
    private void CutWithin(DownstreamConnection connection, TimeSpan time)
    {
        long at = connection.DrainsSince + (long)time.TotalMicroseconds;
        if (connection.CutTimer is not null && connection.CutAt <= at) return;
        connection.CutAt = at;
        connection.CutTimer ??= new WheelTimer(static c => ((DownstreamConnection)c!).Cut(), connection);
        Timers.Arm(connection.CutTimer, Math.Max(1, at - NowMicros));
    }
}
