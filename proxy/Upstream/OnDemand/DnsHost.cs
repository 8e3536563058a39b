using Managed.Proxy.Core;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Upstream.OnDemand;

/// <summary>A name with a port that requests have asked for.</summary>
internal sealed class DnsHost(string key, string name, int port)
{
    /// <summary><c>name:port</c>, in lower case.</summary>
    public string Key => key;
    public string Name => name;
    public int Port => port;

    /// <summary>Null: none is known.</summary>
    public volatile DnsAddress? Current;
    /// <summary>An answer has come, good or bad.</summary>
    public volatile bool IsKnown;
    /// <summary>When it was last asked for, and when the resolver is to be asked again; worker-clock microseconds.</summary>
    public long UsedMicros, DueMicros;
    public int Failures;

    // Under a lock on it.
    public bool IsAsked;
    public List<(WorkerContext Worker, Action<object?> Then, object? State)>? Waiting;
}

/// <summary>Where a name leads. Equal only to itself: another answer is another one.</summary>
internal sealed class DnsAddress(SocketAddressBytes address)
{
    public SocketAddressBytes Address => address;
    public string Text { get; } = address.EndPoint!.ToString();
}

/// <summary>What came of asking for a name.</summary>
internal enum DnsLookup : byte
{
    /// <summary>It is known whether it has an address.</summary>
    Known,
    /// <summary>Who asks is told when it is.</summary>
    Waits,
    TooManyHosts,
    TooManyWait,
    /// <summary>What was asked for is no name.</summary>
    NoName,
}
