using System.Net;
using Managed.Filters;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Http.Filters.Native.Plugins;
using Managed.Proxy.Upstream;
using Contract = Managed.Filters;

namespace Managed.Proxy.Downstream.NetworkFilters.Native;

/// <summary>
/// The filter on one connection: its hooks to those of the plug-in's. Without the plug-in (it failed, or is in quarantine) the connection
/// is closed, or goes on alone.
/// </summary>
internal sealed class NativeNetworkFilter : Listener.NetworkFilter
{
    private Host? _host;
    private bool _readStopped, _writeStopped;

    /// <summary>Null: the connection is to be closed.</summary>
    public static Listener.NetworkFilter? Create(NativePlugin plugin, DownstreamConnection connection)
    {
        var worker = connection.Worker;
        var filter = new NativeNetworkFilter();
        bool leftOut = plugin.IsLeftOut(worker);
        if (!leftOut)
            try
            {
                filter._host = new Host(filter, plugin, connection, ((NetworkFilterPlugin)plugin.Instance).Create());
                return filter;
            }
            catch (Exception e)
            {
                plugin.OnFailure(worker, e);
            }
        worker.Stats.Increment(plugin.FailsOpen ? plugin.Stats.FailedOpen : plugin.Stats.FailedClosed);
        return plugin.FailsOpen ? filter : null;
    }

    public override NetworkStatus OnNewConnection() => Call(static (f, _, _) => f.Begin(), null, false, ref _readStopped);
    public override NetworkStatus OnData(ByteWriter data, bool end) => Call(static (f, d, e) => f.Data(d!, e), data, end, ref _readStopped);
    public override NetworkStatus OnWrite(ByteWriter data, bool end)
        => Call(static (f, d, e) => f.Write(d!, e), data, end, ref _writeStopped);

    public override void OnClose(ConnectionEnd end)
    {
        if (_host is not { IsOver: false } host) return;
        host.Run(() => host.Filter.End(end));
        host.End();
        _host = null;
    }

    private NetworkStatus Call(Func<Contract.NetworkFilter, ByteWriter?, bool, NetworkStatus> hook, ByteWriter? data, bool end,
        ref bool stopped)
    {
        stopped = false;
        if (_host is not { } host) return NetworkStatus.Continue;
        if (host.IsOver) return host.Plugin.FailsOpen ? NetworkStatus.Continue : NetworkStatus.StopIteration;
        var call = new NativeTiming(host.Plugin, host.Worker);
        object? within = host.Worker.Loop.Within;
        host.Worker.Loop.Within = host.Subject; // for the watchdog
        try
        {
            var status = hook(host.Filter, data, end);
            call.Done();
            stopped = status == NetworkStatus.StopIteration;
            return status;
        }
        catch (Exception e)
        {
            host.Fail(e);
            return host.Plugin.FailsOpen ? NetworkStatus.Continue : NetworkStatus.StopIteration;
        }
        finally
        {
            host.Worker.Loop.Within = within;
        }
    }

    private sealed class Host : NativeHost
    {
        private readonly NativeNetworkFilter _home;
        private readonly DownstreamConnection _connection;

        public Host(NativeNetworkFilter home, NativePlugin plugin, DownstreamConnection connection, Contract.NetworkFilter? filter)
            : base(plugin, connection.Worker)
        {
            Filter = filter ?? throw new InvalidOperationException("CreateFilter gave null");
            (_home, _connection) = (home, connection);
            Subject = $"{plugin.Name}, connection {connection.Id}";
            Filter.Host = this;
            Filter.ConnectionOfHost = new View(connection);
        }

        public Contract.NetworkFilter Filter { get; }
        public override string Subject { get; }
        protected override IReadOnlyDictionary<string, Cluster> Clusters => _connection.Generation.Clusters;

        public override void Continue(bool response)
        {
            if (IsOver) return;
            if (response) _home.ContinueWriting(); else _home.ContinueReading();
        }

        public override void Close() => _home.CloseConnection();

        protected override void OnFailed()
        {
            if (!Plugin.FailsOpen) _home.CloseConnection();
            else
            {
                if (_home._readStopped) _home.ContinueReading();
                if (_home._writeStopped) _home.ContinueWriting();
            }
        }
    }

    private sealed class View(DownstreamConnection connection) : FilterConnection
    {
        public override IPEndPoint? RemoteAddress => connection.RemoteAddress;
        public override IPEndPoint? LocalAddress => connection.LocalAddress;
        public override IPEndPoint? DirectRemoteAddress => connection.DirectRemoteAddress;
        public override string? ServerName => connection.ServerName is { Length: > 0 } name ? name : null;
        public override string ListenerName => connection.Chain.Listener.Name;
    }
}
