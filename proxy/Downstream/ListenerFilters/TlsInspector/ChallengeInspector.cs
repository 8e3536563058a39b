using Managed.Proxy.Core;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Downstream.Listener;

namespace Managed.Proxy.Downstream.ListenerFilters.TlsInspector;

/// <summary>
/// Finds out whether a connection is an authority's, on listeners that look at no ClientHello otherwise. Of any other nothing is noted.
/// </summary>
/// <param name="matcher">Of the listener: behind a chain without TLS the server may speak first, and nobody waits for a
/// ClientHello.</param>
internal sealed class ChallengeInspectorFactory(FilterChainMatcher matcher) : ListenerFilterFactory
{
    public override ListenerFilter Create(WorkerContext worker) => new ChallengeInspector(matcher);
}

internal sealed class ChallengeInspector(FilterChainMatcher matcher) : ListenerFilter
{
    private ClientHelloReader _reader = new(ClientHelloReader.MaxLength);

    public override int MaxBytes => 8 * ClientHelloReader.MaxLength;

    // No chain here asks for what a ClientHello says, so that its chain is known already.
    public override ListenerFilterStatus? OnAccept(Transport transport, ConnectionFacts facts)
        => matcher.Match(facts)?.TransportSocket is null ? ListenerFilterStatus.Done : null;

    public override ListenerFilterStatus Inspect(ReadOnlySpan<byte> bytes, ConnectionFacts facts)
    {
        var status = _reader.Read(bytes, out var hello);
        if (status == HelloStatus.NeedMore) return ListenerFilterStatus.NeedMore;
        if (hello is { Alpn: [ChallengeHandshake.Protocol] })
            (facts.ServerName, facts.ApplicationProtocols) = (hello.ServerName, hello.Alpn);
        return ListenerFilterStatus.Done;
    }
}
