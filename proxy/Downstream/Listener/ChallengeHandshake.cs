using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>
/// TLS-ALPN-01 (RFC 8737): an authority connects, offers the protocol <c>acme-tls/1</c> alone and names a host. While an order for that
/// host is on its way it is shown the order's self-signed certificate, whichever chain the host would have; then the connection closes.
/// Nobody else is served so: without such an order, and to any other offer, the listener is as always.
/// </summary>
internal static class ChallengeHandshake
{
    public const string Protocol = "acme-tls/1";
    private const long PatienceMicros = 10_000_000; // transport_socket_connect_timeout's default

    private static readonly TlsServerSettings Settings = new()
    {
        Parameters = new TlsParameters { Alpn = [Protocol] }, SessionContext = "acme-tls/1"u8.ToArray(), // no tickets: nothing is resumed
    };

    /// <summary>What is to be shown; null: the connection is a usual one.</summary>
    public static (byte[] ChainPem, byte[] KeyPem)? For(WorkerContext worker, ConnectionFacts facts)
        => facts.ApplicationProtocols is [Protocol] && worker.Challenges.Now is { } pending
            && pending.Tls.TryGetValue(facts.ServerName, out var shown) ? shown : null;

    /// <summary>
    /// Shakes hands and closes. The context is made for the one connection: an order has some of them, and so nothing is left to give back.
    /// </summary>
    public static async IoTask<bool> AnswerAsync(WorkerContext worker, Transport transport, (byte[] ChainPem, byte[] KeyPem) shown)
    {
        if (TlsCertificate.Read(shown.ChainPem, shown.KeyPem, "", null, out _) is not { } certificate
            || TlsContext.CreateServer(TlsLibrary.Of(worker.Id), Settings, [certificate], out _) is not { } context) return false;
        var tls = TlsTransport.Accept(transport, context, worker.Loop.Buffers);
        context.Release(); // the connection has its own reference
        if (tls is null) return false;
        var timer = new WheelTimer(static t => ((TlsTransport)t!).Abort(Libc.ETimedOut), tls);
        worker.Timers.Arm(timer, PatienceMicros);
        try
        {
            return await tls.HandshakeAsync() == 0;
        }
        finally
        {
            worker.Timers.Remove(timer);
            tls.Close();
        }
    }
}
