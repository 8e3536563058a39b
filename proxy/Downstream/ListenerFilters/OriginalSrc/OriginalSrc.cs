using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Downstream.Listener;

namespace Managed.Proxy.Downstream.ListenerFilters.OriginalSrc;

[Description(
    "Connections to endpoints come from the client's address. The system must let it (CAP_NET_ADMIN) and lead the answers back here; "
        + "without that connecting fails.")]
public sealed record OriginalSrcConfig : ConfigRecord
{
    [Description("From the client's port too. Then a client connection has one connection to an endpoint at a time.")]
    public bool BindPort { get; init; }

    [Range(0L, uint.MaxValue), Description("Mark of these connections for the system's routing (SO_MARK); 0: none.")]
    public long Mark { get; init; }
}

internal sealed class OriginalSrcDefinition : ListenerFilterDefinition
{
    public override string Name => "envoy.filters.listener.original_src";
    public override string TypeName => "envoy.extensions.filters.listener.original_src.v3.OriginalSrc";
    public override Type ConfigType => typeof(OriginalSrcConfig);
    public override string Summary => "Connections to endpoints come from the client's address.";

    internal override ListenerFilterFactory? Build(ConfigNode? typedConfig, ListenerFilterContext context)
        => typedConfig is null ? new Factory(new OriginalSrcConfig())
            : ConfigBinder.Bind<OriginalSrcConfig>(typedConfig, context.Errors) is { } config ? new Factory(config) : null;

    private sealed class Factory(OriginalSrcConfig config) : ListenerFilterFactory
    {
        public override ListenerFilter Create(WorkerContext worker) => new OriginalSrcFilter(config);
    }
}

/// <summary>The client is whom earlier filters say that it is: behind proxy_protocol the address in the header.</summary>
internal sealed class OriginalSrcFilter(OriginalSrcConfig config) : ListenerFilter
{
    public override int MaxBytes => 0;

    public override ListenerFilterStatus? OnAccept(Transport transport, ConnectionFacts facts)
    {
        if (facts.Source is { } client)
            facts.UpstreamFrom = new ClientBinding(client.Address, config.BindPort ? client.Port : 0, (uint)config.Mark);
        return ListenerFilterStatus.Done;
    }

    public override ListenerFilterStatus Inspect(ReadOnlySpan<byte> bytes, ConnectionFacts facts) => ListenerFilterStatus.Done;
}
