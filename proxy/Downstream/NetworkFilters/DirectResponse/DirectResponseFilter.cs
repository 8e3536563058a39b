using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Downstream.Listener;

namespace Managed.Proxy.Downstream.NetworkFilters.DirectResponse;

internal sealed class DirectResponseDefinition : NetworkFilterDefinition
{
    public override string Name => "envoy.filters.network.direct_response";
    public override string TypeName => "envoy.extensions.filters.network.direct_response.v3.Config";
    public override Type ConfigType => typeof(DirectResponseNetworkConfig);
    public override string Summary => "Sends fixed bytes and closes.";

    internal override TerminalFilter? Build(ConfigNode? typedConfig, NetworkBuildContext context)
    {
        var config = typedConfig is null ? new DirectResponseNetworkConfig()
            : ConfigBinder.Bind<DirectResponseNetworkConfig>(typedConfig, context.Errors);
        if (config is null) return null;
        var bytes = config.Response is null ? [] : config.Response.TryRead(context.Errors);
        return bytes is null ? null : new DirectResponseFilter(bytes);
    }
}

internal sealed class DirectResponseFilter(byte[] response) : TerminalFilter
{
    // Who has not taken all of it by then does not read; who still sends so long after it does not listen (Envoy's delayed_close_timeout).
    private const long PatienceMicros = 10_000_000, LingerMicros = 1_000_000;

    public override async IoTask<bool> RunAsync(DownstreamConnection connection)
    {
        var timer = new WheelTimer(static t => ((Transport)t!).CancelWrite(Libc.ETimedOut), connection.Transport);
        connection.Worker.Timers.Arm(timer, PatienceMicros);
        int sent = response.Length > 0 ? await connection.Transport.WriteAsync(response) : 0;
        connection.Worker.Timers.Remove(timer);
        if (sent < 0) return false;
        connection.Transport.ShutdownWrite();
        await LingerAsync(connection);
        return true;
    }

    // What the client has sent is read and forgotten until it ends: closing with bytes unread resets the connection, and a reset destroys
    // a response that is on its way.
    private static async IoTask<bool> LingerAsync(DownstreamConnection connection)
    {
        var worker = connection.Worker;
        var transport = connection.Transport;
        var timer = new WheelTimer(static t => ((Transport)t!).CancelRead(Libc.ETimedOut), transport);
        worker.Timers.Arm(timer, LingerMicros);
        long end = worker.NowMicros + LingerMicros;
        while (worker.NowMicros < end)
        {
            if (!transport.MayRead && await transport.ReadableAsync() < 0) break;
            byte[] buffer = worker.Loop.Buffers.Rent();
            int n = transport.TryRead(buffer);
            worker.Loop.Buffers.Return(buffer);
            if (n <= 0 && n != -Libc.EAgain) break;
        }
        worker.Timers.Remove(timer);
        return true;
    }
}
