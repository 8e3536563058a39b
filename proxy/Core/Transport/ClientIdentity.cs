using System.Net;

namespace Managed.Proxy.Core.Transport;

/// <summary>What of a client's connection shapes the connections to endpoints that are made for it. One worker.</summary>
internal sealed class ClientIdentity(IPEndPoint? source, IPEndPoint? destination)
{
    private List<Action>? _over;

    /// <summary>The client, or who a proxy before us says that it is; null on a Unix socket.</summary>
    public IPEndPoint? Source { get; } = source;
    /// <summary>Whom it wanted to reach.</summary>
    public IPEndPoint? Destination { get; } = destination;
    /// <summary>The same where the connection was redirected here, or a proxy before us says it; null: it was not.</summary>
    public IPEndPoint? Restored { get; init; }
    /// <summary>Type, length (2 bytes) and value of each field that a PROXY header of version 2 had and that is to be passed on.</summary>
    public byte[] Fields { get; init; } = [];
    /// <summary>Where connections made for it begin; null: where the system says.</summary>
    public ClientBinding? From { get; init; }

    public bool IsOver { get; private set; }

    /// <summary>Called once, when the connection is over.</summary>
    public void WhenOver(Action action) => (_over ??= []).Add(action);

    public void End()
    {
        IsOver = true;
        if (_over is not { } over) return;
        _over = null;
        foreach (var action in over) action();
    }
}

/// <summary>The address that a connection to an endpoint is to come from.</summary>
/// <param name="Port">0: any.</param>
/// <param name="Mark">For the system's routing (SO_MARK); 0: none.</param>
internal sealed record ClientBinding(IPAddress Address, int Port, uint Mark);
