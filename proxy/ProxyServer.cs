using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy;

/// <summary>
/// The data plane of one process: workers and the version they serve. All methods are for control threads; none is for the request
/// path. Publications are one at a time (a second caller waits).
/// </summary>
public sealed partial class ProxyServer : IAsyncDisposable
{
    public StatsRegistry Stats { get; } = new();

    /// <summary>The version that new requests get; null before the first publication.</summary>
    public Snapshot? Current => _current;

    private volatile Snapshot? _current;

    /// <summary>Told of events; called on the thread where they happen, so hand over and return.</summary>
    public event Action<ProxyEvent>? EventRaised;
}
