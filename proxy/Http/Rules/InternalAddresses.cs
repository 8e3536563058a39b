using System.Net;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Http.Rules;

/// <summary>Whose requests are internal: they keep what steers the router and get <c>x-envoy-internal: true</c>.</summary>
internal sealed class InternalAddresses
{
    private readonly IpBlocks _blocks;

    private InternalAddresses(IpBlocks blocks, bool unixSockets)
    {
        _blocks = blocks;
        UnixSockets = unixSockets;
    }

    /// <summary>Nobody's, as in Envoy where nothing is configured.</summary>
    public static InternalAddresses None { get; } = new(IpBlocks.None, false);

    /// <summary>A peer on a Unix socket is internal.</summary>
    public bool UnixSockets { get; }

    /// <summary>What is wrong is added to the errors and left out.</summary>
    public static InternalAddresses Build(IReadOnlyList<CidrRangeConfig> blocks, bool unixSockets, ConfigErrors errors)
        => new(IpBlocks.Build(blocks, errors), unixSockets);

    public bool Contains(IPAddress address) => _blocks.Contains(address);
}
