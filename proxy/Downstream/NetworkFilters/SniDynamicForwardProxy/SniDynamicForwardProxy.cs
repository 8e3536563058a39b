using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Upstream.OnDemand;

namespace Managed.Proxy.Downstream.NetworkFilters.SniDynamicForwardProxy;

[Description("Holds a connection until the address of the server that the client asks for by TLS (SNI) is known.")]
[UnsupportedField("save_upstream_address", "rules on addresses belong to the network")]
public sealed record SniDynamicForwardProxyConfig : ConfigRecord
{
    [Required, Description("Where addresses come from; the cluster gives the same.")]
    public DnsCacheConfig? DnsCacheConfig { get; init; }

    [Range(1, 65535), Description("The port that is connected to.")]
    public int PortValue { get; init; } = 443; // Envoy's default
}

internal sealed class SniDynamicForwardProxyDefinition : NetworkFilterDefinition
{
    public override string Name => "envoy.filters.network.sni_dynamic_forward_proxy";
    public override string TypeName => "envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig";
    public override Type ConfigType => typeof(SniDynamicForwardProxyConfig);
    public override string Summary
        => "Finds the address of the server that a client asks for by TLS (SNI), for a cluster that goes to whatever host is asked for.";
    public override bool IsTerminal => false;

    internal override NetworkFilterFactory? BuildFilter(ConfigNode? typedConfig, NetworkBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "sni_dynamic_forward_proxy needs a typed_config",
                "give dns_cache_config, the same as the cluster's");
            return null;
        }
        if (ConfigBinder.Bind<SniDynamicForwardProxyConfig>(typedConfig, context.Errors) is not { DnsCacheConfig: { } dns } config)
            return null;
        return DnsCaches.Of(dns, context.Shared, context.Errors) is { } cache ? new Factory(cache, config.PortValue) : null;
    }

    private sealed class Factory(DnsCache cache, int port) : NetworkFilterFactory
    {
        public override bool SeesBytes => false;
        public override bool AsksForServerName => true;

        public override IoTask<bool> AdmitAsync(DownstreamConnection connection)
        {
            connection.ServerPort = port;
            if (connection.ServerName.Length == 0) return new IoTask<bool>(true); // as in Envoy: the cluster has nothing for it
            Span<char> key = stackalloc char[HostKey.MaxLength];
            int length = HostKey.Write(Encoding.ASCII.GetBytes(connection.ServerName), port, key, out int name);
            if (length < 0) return new IoTask<bool>(false);
            if (cache.Find(key[..length]) is not null) return new IoTask<bool>(true);
            var wait = new Wait();
            return cache.Ask(key[..length], name, port, connection.Worker, static w => ((Wait)w!).Answered.Set(), wait, out var host) switch
            {
                DnsLookup.Known => new IoTask<bool>(host!.Current is not null),
                DnsLookup.Waits => wait.UntilAsync(connection, host!),
                _ => new IoTask<bool>(false),
            };
        }
    }

    // No longer than dns_query_timeout; who leaves, or is cut, ends it before.
    private sealed class Wait
    {
        public readonly Signal Answered = new();

        public async IoTask<bool> UntilAsync(DownstreamConnection connection, DnsHost host)
        {
            bool gone = false;
            connection.HookState = this;
            connection.OnCut = connection.OnPressed = Stop;
            connection.Transport.PeerGone = (_, half) => { if (!half) Stop(this); };
            connection.Transport.PeerGoneState = this;
            await Answered.WaitAsync();
            connection.OnCut = connection.OnPressed = null;
            connection.Transport.PeerGone = null;
            return !gone && host.Current is not null;

            void Stop(object _)
            {
                gone = true;
                Answered.Set();
            }
        }
    }
}
