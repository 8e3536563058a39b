using System.Net;
using System.Net.Sockets;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Streams.Formatting.Operators;

internal enum AddressPart { Whole, WithoutPort, Port }

/// <summary>An address of either side as <c>10.0.0.1:80</c> or <c>[::1]:80</c>, the address alone, or the port alone (a number).</summary>
internal sealed class AddressOperator(Func<StreamInfo, IPEndPoint?> read, AddressPart part) : FormatOperator
{
    public override bool IsJson => part == AddressPart.Port;

    public static void Register(Action<string, FormatOperator> add)
    {
        Family("UPSTREAM_LOCAL", i => i.UpstreamLocalAddress);
        Family("UPSTREAM_REMOTE", i => i.UpstreamRemoteAddress);
        Family("DOWNSTREAM_REMOTE", i => i.RemoteAddress);
        Family("DOWNSTREAM_DIRECT_REMOTE", i => i.DirectRemoteAddress);
        Family("DOWNSTREAM_LOCAL", i => i.LocalAddress);
        // There is no original-destination restoring here, so the direct local address is the local address.
        Family("DOWNSTREAM_DIRECT_LOCAL", i => i.LocalAddress);

        void Family(string name, Func<StreamInfo, IPEndPoint?> read)
        {
            add(name + "_ADDRESS", new AddressOperator(read, AddressPart.Whole));
            add(name + "_ADDRESS_WITHOUT_PORT", new AddressOperator(read, AddressPart.WithoutPort));
            add(name + "_PORT", new AddressOperator(read, AddressPart.Port));
        }
    }

    public override bool Write(ByteWriter to, StreamInfo info)
    {
        if (read(info) is not { } endpoint) return false;
        if (part == AddressPart.Port) { to.Write(endpoint.Port); return true; }
        bool brackets = part == AddressPart.Whole && endpoint.AddressFamily == AddressFamily.InterNetworkV6;
        if (brackets) to.Write((byte)'[');
        endpoint.Address.TryFormat(to.GetSpan(65), out int written); // 65: INET6_ADDRSTRLEN with a scope
        to.Advance(written);
        if (brackets) to.Write((byte)']');
        if (part == AddressPart.WithoutPort) return true;
        to.Write((byte)':');
        to.Write(endpoint.Port);
        return true;
    }
}
