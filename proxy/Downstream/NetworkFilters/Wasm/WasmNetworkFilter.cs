using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Http.Filters.Wasm.Plugins;

namespace Managed.Proxy.Downstream.NetworkFilters.Wasm;

/// <summary>
/// The filter on one connection: its hooks to the guest's callbacks. Without a VM the connection is closed, or goes on alone (FAIL_OPEN).
/// </summary>
internal sealed class WasmNetworkFilter : NetworkFilter
{
    private TcpContext? _context;

    /// <summary>Null: the connection is to be closed.</summary>
    public static NetworkFilter? Create(WasmPlugin plugin, DownstreamConnection connection)
    {
        var filter = new WasmNetworkFilter();
        if (plugin.On(connection.Worker) is { } root)
        {
            var context = filter._context = new TcpContext(filter, root, connection);
            bool begun = context.Begin() || plugin.Policy == WasmFailurePolicy.FailOpen;
            if (begun && !context.ClosedAtOnce) return filter;
            if (begun) context.OnClose(ConnectionEnd.Local); else context.End();
            return null;
        }
        bool open = plugin.Policy == WasmFailurePolicy.FailOpen;
        connection.Worker.Stats.Increment(open ? plugin.Machine.Stats.FailedOpen : plugin.Machine.Stats.FailedClosed);
        return open ? filter : null;
    }

    public override NetworkStatus OnNewConnection() => _context?.OnNewConnection() ?? NetworkStatus.Continue;
    public override NetworkStatus OnData(ByteWriter data, bool end) => _context?.OnData(data, end) ?? NetworkStatus.Continue;
    public override NetworkStatus OnWrite(ByteWriter data, bool end) => _context?.OnWrite(data, end) ?? NetworkStatus.Continue;

    public override void OnClose(ConnectionEnd end)
    {
        _context?.OnClose(end);
        _context = null;
    }

    public void Resume(bool reading)
    {
        if (reading) ContinueReading(); else ContinueWriting();
    }

    public void CloseNow() => CloseConnection();
}
