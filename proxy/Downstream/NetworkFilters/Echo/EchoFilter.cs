using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Downstream.Listener;

namespace Managed.Proxy.Downstream.NetworkFilters.Echo;

internal sealed class EchoDefinition : NetworkFilterDefinition
{
    public override string Name => "envoy.filters.network.echo";
    public override string TypeName => "envoy.extensions.filters.network.echo.v3.Echo";
    public override Type ConfigType => typeof(EchoConfig);
    public override string Summary => "Sends back what it gets.";

    internal override TerminalFilter? Build(ConfigNode? typedConfig, NetworkBuildContext context)
        => typedConfig is null || ConfigBinder.Bind<EchoConfig>(typedConfig, context.Errors) is not null ? new EchoFilter() : null;
}

internal sealed class EchoFilter : TerminalFilter
{
    private const long IdleMicros = 3_600_000_000; // as tcp_proxy's default

    public override async IoTask<bool> RunAsync(DownstreamConnection connection)
    {
        var pool = connection.Worker.Loop.Buffers;
        var timers = connection.Worker.Timers;
        var idle = new WheelTimer(static t => OnIdle((Transport)t!), connection.Transport);
        bool ended = await EchoAsync(connection, pool, timers, idle);
        timers.Remove(idle);
        return ended;
    }

    private static void OnIdle(Transport transport)
    {
        transport.CancelRead(Libc.ETimedOut);
        transport.CancelWrite(Libc.ETimedOut);
    }

    private static async IoTask<bool> EchoAsync(DownstreamConnection connection, BufferPool pool, TimerWheel timers, WheelTimer idle)
    {
        while (true)
        {
            timers.Arm(idle, IdleMicros);
            if (!connection.Transport.MayRead && await connection.Transport.ReadableAsync() < 0) return false;
            var buffer = pool.Rent();
            int n = connection.Transport.TryRead(buffer);
            int sent = n > 0 ? await connection.Transport.WriteAsync(buffer.AsMemory(0, n)) : 0;
            pool.Return(buffer);
            if (n == -Libc.EAgain) continue;
            if (n <= 0 || sent < 0) return n == 0;
        }
    }
}
