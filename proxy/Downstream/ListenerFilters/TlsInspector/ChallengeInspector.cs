using Managed.Proxy.Core;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Downstream.Listener;

namespace Managed.Proxy.Downstream.ListenerFilters.TlsInspector;

/// <summary>
/// Finds out whether a connection is an authority's, on listeners that look at no ClientHello otherwise. Of any other nothing is noted.
/// </summary>
internal sealed class ChallengeInspectorFactory : ListenerFilterFactory
{
    public static readonly ChallengeInspectorFactory Instance = new();

    public override ListenerFilter Create(WorkerContext worker) => new ChallengeInspector();
}

internal sealed class ChallengeInspector : ListenerFilter
{
    private ClientHelloReader _reader = new(ClientHelloReader.MaxLength);

    public override int MaxBytes => 8 * ClientHelloReader.MaxLength;

    public override ListenerFilterStatus Inspect(ReadOnlySpan<byte> bytes, ConnectionFacts facts)
    {
        var status = _reader.Read(bytes, out var hello);
        if (status == HelloStatus.NeedMore) return ListenerFilterStatus.NeedMore;
        if (hello is { Alpn: [ChallengeHandshake.Protocol] })
            (facts.ServerName, facts.ApplicationProtocols) = (hello.ServerName, hello.Alpn);
        return ListenerFilterStatus.Done;
    }
}
