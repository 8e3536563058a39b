using Managed.Proxy.Core;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>
/// Looks at the first bytes of one connection [2], before its chain is chosen, and notes what it finds in the
/// <see cref="ConnectionFacts"/>. What it has looked at is there for the next filter and for the connection, but for what it takes away.
/// </summary>
internal abstract class ListenerFilter
{
    /// <summary>How many bytes it looks at; with so many it must not say NeedMore any more.</summary>
    public abstract int MaxBytes { get; }

    /// <summary>
    /// Asked before anything is read; null: it wants to see bytes. One that wants none is <see cref="Inspect"/>ed by nobody.
    /// </summary>
    public virtual ListenerFilterStatus? OnAccept(Transport transport, ConnectionFacts facts) => null;

    /// <summary>Asked first when nothing has come yet.</summary>
    public abstract ListenerFilterStatus Inspect(ReadOnlySpan<byte> bytes, ConnectionFacts facts);

    /// <summary>With Done: bytes of the beginning that nobody else is to see.</summary>
    public int Taken { get; protected set; }
}

/// <summary>A listener filter of one version: makes an instance for each connection. On the connection's worker.</summary>
internal abstract class ListenerFilterFactory
{
    public abstract ListenerFilter Create(WorkerContext worker);
}
