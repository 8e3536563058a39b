using System.ComponentModel;
using System.Net;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Downstream.Listener;

namespace Managed.Proxy.Downstream.ListenerFilters.OriginalDst;

[Description("Finds out whom the client wanted to reach, where the system has led its connection here (iptables, REDIRECT).")]
public sealed record OriginalDstConfig : ConfigRecord;

internal sealed class OriginalDstDefinition : ListenerFilterDefinition
{
    public override string Name => "envoy.filters.listener.original_dst";
    public override string TypeName => "envoy.extensions.filters.listener.original_dst.v3.OriginalDst";
    public override Type ConfigType => typeof(OriginalDstConfig);
    public override string Summary
        => "Finds out whom the client wanted to reach, where the system has led its connection here; filter chains are then chosen by it.";

    internal override ListenerFilterFactory? Build(ConfigNode? typedConfig, ListenerFilterContext context)
        => typedConfig is null || ConfigBinder.Bind<OriginalDstConfig>(typedConfig, context.Errors) is not null
            ? new Factory() : null;

    private sealed class Factory : ListenerFilterFactory
    {
        public override ListenerFilter Create(WorkerContext worker) => new OriginalDstFilter();
    }
}

/// <summary>
/// Asks the system's table of connections (SO_ORIGINAL_DST). A connection that was led here by TPROXY has that address anyway; one that
/// was not led at all keeps its own.
/// </summary>
internal sealed unsafe class OriginalDstFilter : ListenerFilter
{
    private const int SolIp = 0, OriginalDestination = 80; // SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST

    public override int MaxBytes => 0;

    public override ListenerFilterStatus? OnAccept(Transport transport, ConnectionFacts facts)
    {
        if (transport is SocketTransport { Fd: >= 0 and var fd } && facts.Local is not null && Ask(fd) is { } wanted
            && !wanted.Equals(facts.Local))
        {
            facts.Local = wanted;
            facts.AddressesRestored = true;
        }
        return ListenerFilterStatus.Done;
    }

    public override ListenerFilterStatus Inspect(ReadOnlySpan<byte> bytes, ConnectionFacts facts) => ListenerFilterStatus.Done;

    private static IPEndPoint? Ask(int fd)
    {
        byte* raw = stackalloc byte[28];
        int length = 28;
        if (Libc.getsockopt(fd, SolIp, OriginalDestination, raw, &length) < 0)
        {
            length = 28;
            if (Libc.getsockopt(fd, Libc.IpProtoIpv6, OriginalDestination, raw, &length) < 0) return null;
        }
        return SocketAddressBytes.ToEndPoint(new ReadOnlySpan<byte>(raw, length));
    }
}
