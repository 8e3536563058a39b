using System.Net;
using Managed.Proxy.Configuration;

namespace Managed.Proxy;

/// <summary>How to start the data plane.</summary>
public sealed class ProxyOptions
{
    /// <summary>Number of worker threads, 1 to <see cref="Worker.MaxWorkers"/>.</summary>
    public int Workers { get; init; } = Environment.ProcessorCount;
    public required Microsoft.Extensions.Logging.ILoggerFactory LoggerFactory { get; init; }
    /// <summary>Switches tracing on: given each stream's trace as the stream begins, on its worker. For sandboxes; it costs much.</summary>
    public Action<Http.Tracing.StreamTrace>? TraceStarted { get; init; }
    /// <summary>Where compiled and fetched modules are kept from start to start; null: nowhere.</summary>
    public string? CacheFolder { get; init; }
    /// <summary>
    /// Hosts that remote module code may be fetched from when it names no cluster (<c>example.com</c>, <c>host:port</c>, <c>*.example.com</c>, <c>*</c>
    /// for any). Null: nothing is fetched, by a cluster neither.
    /// </summary>
    public IReadOnlyList<string>? CodeFetchHosts { get; init; } = [];
    /// <summary>The command that runs <see cref="Bindings.Wasm.WasmCompiler.Run"/>, so that compiling has limits; null: modules are compiled in this process, without.</summary>
    public IReadOnlyList<string>? WasmCompiler { get; init; }
    /// <summary>Most client connections at one time; null: as memory and descriptors allow. Listeners may have limits of their own.</summary>
    public int? MaxConnections { get; init; }
    /// <summary>
    /// Bytes that all streams together may hold in buffers; null: a quarter of the memory (DOTNET_GCHeapHardLimit, the container's, the
    /// machine's).
    /// </summary>
    public long? BufferLimit { get; init; }
    /// <summary>Asks for the addresses of a name and may block; null: the system's resolver is asked.</summary>
    public Func<string, IPAddress[]>? ResolveName { get; init; }
    /// <summary>How long all workers together may take to acknowledge a version before it is rolled back.</summary>
    public TimeSpan AcknowledgeTimeout { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>Outcome of a dry or real build: a snapshot, or errors. Warnings either way.</summary>
public sealed record BuildResult(Snapshot? Snapshot, IReadOnlyList<ConfigError> Errors, IReadOnlyList<ConfigError> Warnings);

public enum WorkerAckState { Pending, Acknowledged, TimedOut }

/// <summary>One worker's part in a publication. Times are from the start of the publication.</summary>
public sealed record WorkerAck(int Id, WorkerAckState State, double PrepareMs, double AckMs);

/// <summary>
/// Outcome of a publication. Not applied means nothing changed: <paramref name="Errors"/> say why (a socket that cannot be bound,
/// with the pointer of its listener), or <paramref name="TimedOut"/> is set and the former version was put back.
/// </summary>
public sealed record PublishResult(bool Applied, bool TimedOut, IReadOnlyList<ConfigError> Errors, IReadOnlyList<WorkerAck> Workers, double PrepareMs, double DurationMs);

/// <summary>What a change would do; see api.md <c>impact</c>.</summary>
public sealed record PublicationImpact(
    IReadOnlyList<string> ListenersAdded, IReadOnlyList<string> ListenersRemoved, IReadOnlyList<string> ListenersRebound, IReadOnlyList<string> ListenersChanged,
    IReadOnlyList<string> FilterChainsReplaced, IReadOnlyList<string> FilterChainsRemoved, long ConnectionsDrained,
    IReadOnlyList<string> ClustersAdded, IReadOnlyList<string> ClustersRemoved, IReadOnlyList<string> ClustersRebuilt, IReadOnlyList<string> CodeToCompile);

/// <summary><paramref name="CpuSeconds"/> since start; <paramref name="LoopLagMs"/>: longest loop turn of the last ten seconds.</summary>
public sealed record WorkerStatus(int Id, long Version, long Generation, long Connections, long Requests, double CpuSeconds, double LoopLagMs);

/// <summary>
/// The machine of one piece of guest code on one worker. <paramref name="State"/>: <c>ready</c> (not called yet), <c>active</c>,
/// <c>failed</c> (there is no VM until the next stream makes one), <c>backoff</c> and <c>quarantined</c> (not called until
/// <paramref name="RetryInSeconds"/> are over; quarantined after repeated breaches of its limits).
/// </summary>
/// <param name="Kind"><c>lua</c> or <c>wasm</c>.</param>
/// <param name="Name">The script's name in messages.</param>
/// <param name="Digest"><c>sha256:</c> of the code.</param>
/// <param name="Executions">Calls of its hooks; <paramref name="Errors"/> of them failed, <paramref name="Breaches"/> over a limit.</param>
/// <param name="TimeMicros">Spent in it, microseconds; <paramref name="Instructions"/> counted, in steps of 1,000.</param>
public sealed record GuestVmStatus(string Kind, string Name, string Digest, int Worker, string State, long Executions, long Errors, long Breaches, long TimeMicros, long Instructions, long MemoryBytes, double? RetryInSeconds)
{
    /// <summary>For Wasm: which share data and queues.</summary>
    public string VmId { get; init; } = "";
    /// <summary>For Wasm: its callbacks, those that were called.</summary>
    public IReadOnlyList<GuestCallbackStatus> Callbacks { get; init; } = [];
    /// <summary>For Wasm: VMs made so far on this worker, and of these in place of one that failed.</summary>
    public long Created { get; init; }
    public long Reloads { get; init; }
    /// <summary>For Wasm: VMs that exist on this worker; those that finish their last streams count.</summary>
    public int Active { get; init; }
    /// <summary>Why it failed last; empty when it never did.</summary>
    public string LastError { get; init; } = "";
    /// <summary>Calls by their time in microseconds.</summary>
    public IReadOnlyList<GuestVmBucket> TimeHistogram { get; init; } = [];
    /// <summary>Calls by their instructions.</summary>
    public IReadOnlyList<GuestVmBucket> InstructionHistogram { get; init; } = [];
}

/// <summary>A callback of a guest on one worker: how often it was called, all its time and its longest, in microseconds.</summary>
public sealed record GuestCallbackStatus(string Name, long Calls, long TimeMicros, long MaxMicros);

/// <summary>How many calls took at most <paramref name="Le"/>, a power of two, and more than the bucket before; empty buckets are left out.</summary>
public sealed record GuestVmBucket(long Le, long Count);

/// <summary>A version that still has connections or streams.</summary>
public sealed record GenerationStatus(long Version, bool Active, long Connections, long Streams);

public sealed record ListenerStatus(string Name, string ConfiguredAddress, string BoundAddress, string State, long Connections, long ConnectionsTotal, IReadOnlyList<string> FilterChains);

public sealed record EndpointStatus(string Address, string HostName, string Health, int Weight, long ConnectionsActive, long ConnectionsTotal, long ConnectFailures, long RequestsActive, long RequestsTotal, long RequestsSuccess, long RequestsError, long RequestsTimeout);

public sealed record ClusterStatus(string Name, string Type, string LbPolicy, long MaxConnections, long MaxPendingRequests, long MaxRequests, long MaxRetries, IReadOnlyList<EndpointStatus> Endpoints);

/// <summary>A request to try against the routes without traffic. Method, authority and path are as on the wire.</summary>
public sealed record MatchQuery(string Listener, string Method, string Authority, string Path, IReadOnlyList<KeyValuePair<string, string>> Headers, IPAddress? SourceIp, string? ServerName, int? DestinationPort);

/// <summary>Where the request would go, and why each candidate before it lost.</summary>
public sealed record MatchResult(string? FilterChain, string? RouteConfiguration, string? VirtualHost, string? Route, string? Action, string? Cluster, IReadOnlyList<MatchStep> Steps);
/// <summary><paramref name="Kind"/>: filter_chain, virtual_host or route.</summary>
public sealed record MatchStep(string Kind, string Name, bool Matched, string Reason);

/// <summary>Something the data plane did on its own: <c>listener.drained</c>, <c>endpoint.health_changed</c>, …</summary>
public sealed record ProxyEvent(string Type, IReadOnlyDictionary<string, object?> Data);
