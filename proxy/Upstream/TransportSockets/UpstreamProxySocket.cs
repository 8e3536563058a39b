using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.TransportSockets;

/// <summary>Tells an endpoint whose connection it is: a header of the PROXY protocol, then what is inside of it.</summary>
/// <param name="header">Writes it.</param>
/// <param name="inner">Null: bytes as they are.</param>
internal sealed class UpstreamProxySocket(ProxyHeaderWriter header, UpstreamSocket? inner) : UpstreamSocket
{
    public override string Key => $"proxy|{header.Key}|{inner?.Key}";
    public override bool OffersHttp2 => inner is { OffersHttp2: true };
    public override TlsIdentity? Identity => inner?.Identity;
    public override bool TellsClient => true;

    public override async IoTask<UpstreamSocketResult> ConnectAsync(WorkerContext worker, Transport connected, Endpoint endpoint,
        bool http2, ClientIdentity? client = null, string? serverName = null)
    {
        if (header.Write(client, connected.LocalAddress, endpoint.Address.EndPoint) is not { } bytes)
        {
            connected.Close();
            return new UpstreamSocketResult(null, null, -Libc.EProto, "PROXY protocol: the client's fields are too many");
        }
        int sent = await connected.WriteAsync(bytes);
        if (sent >= 0) return inner is null ? new UpstreamSocketResult(connected, null, 0, null)
            : await inner.ConnectAsync(worker, connected, endpoint, http2, client, serverName);
        connected.Close();
        return new UpstreamSocketResult(null, null, sent, null);
    }
}
