using System.Net;
using Managed.Proxy.Configuration;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy;

/// <summary>How to start the data plane.</summary>
public sealed class ProxyOptions
{
    /// <summary>Number of worker threads, 1 to <see cref="Core.WorkerContext.MaxWorkers"/>.</summary>
    public int Workers { get; init; } = Environment.ProcessorCount;
    public required Microsoft.Extensions.Logging.ILoggerFactory LoggerFactory { get; init; }
    /// <summary>Switches tracing on: given each stream's trace as the stream begins, on its worker. For sandboxes; it costs much.</summary>
    public Action<Http.StreamTrace>? TraceStarted { get; init; }
    /// <summary>
    /// Access logs and taps are as usual but for their last step: nothing reaches a file or a standard stream. For sandboxes.
    /// </summary>
    public bool WritesNothing { get; init; }
    /// <summary>Where compiled and fetched modules are kept from start to start; null: nowhere.</summary>
    public string? CacheFolder { get; init; }
    /// <summary>
    /// Hosts that remote module code may be fetched from when it names no cluster (<c>example.com</c>, <c>host:port</c>,
    /// <c>*.example.com</c>, <c>*</c>
    /// for any). Null: nothing is fetched, by a cluster neither.
    /// </summary>
    public IReadOnlyList<string>? CodeFetchHosts { get; init; } = [];
    /// <summary>
    /// The command that runs <see cref="Bindings.Wasm.WasmCompiler.Run"/>, so that compiling has limits; null: modules are compiled in this
    /// process, without.
    /// </summary>
    public IReadOnlyList<string>? WasmCompiler { get; init; }
    /// <summary>
    /// Documents may name filters written in C#: they run as the proxy itself, with all that it may do. Null: none may.
    /// </summary>
    public Core.NativeAccess? Native { get; init; }
    /// <summary>
    /// Most client connections at one time; null: as memory and descriptors allow. Listeners may have limits of their own.
    /// </summary>
    public int? MaxConnections { get; init; }
    /// <summary>
    /// Bytes that all streams together may hold in buffers; null: a quarter of the memory (DOTNET_GCHeapHardLimit, the container's, the
    /// machine's).
    /// </summary>
    public long? BufferLimit { get; init; }
    /// <summary>Asks for the addresses of a name and may block; null: the system's resolver is asked.</summary>
    public Func<string, IPAddress[]>? ResolveName { get; init; }
    /// <summary>Where certificates come from that an authority issues; null: there are none but placeholders.</summary>
    public Security.AcmeCertificates? Acme { get; init; }
    /// <summary>What another process handed over to this one; null: it begins by itself.</summary>
    public Handover? Inherited { get; init; }
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
public sealed record PublishResult(bool Applied, bool TimedOut, IReadOnlyList<ConfigError> Errors, IReadOnlyList<WorkerAck> Workers,
    double PrepareMs, double DurationMs);

/// <summary>What a change would do; see api.md <c>impact</c>.</summary>
public sealed record PublicationImpact(
    IReadOnlyList<string> ListenersAdded, IReadOnlyList<string> ListenersRemoved, IReadOnlyList<string> ListenersRebound,
    IReadOnlyList<string> ListenersChanged,
    IReadOnlyList<string> FilterChainsReplaced, IReadOnlyList<string> FilterChainsRemoved, long ConnectionsDrained,
    IReadOnlyList<string> ClustersAdded, IReadOnlyList<string> ClustersRemoved, IReadOnlyList<string> ClustersRebuilt,
        IReadOnlyList<string> CodeToCompile);

/// <summary><paramref name="CpuSeconds"/> since start; <paramref name="LoopLagMs"/>: longest loop turn of the last ten seconds.</summary>
public sealed record WorkerStatus(int Id, long Version, long Generation, long Connections, long Requests, double CpuSeconds,
    double LoopLagMs);

/// <summary>
/// What an HTTP filter takes of the time of a stream, all its hooks in one direction together: nanoseconds, for each worker by its number.
/// </summary>
public sealed record FilterTimes(string Name, bool Disabled, IReadOnlyList<Core.Telemetry.HistogramSnapshot> Request,
    IReadOnlyList<Core.Telemetry.HistogramSnapshot> Response, long Errors);

/// <summary>A version that still has connections or streams.</summary>
public sealed record GenerationStatus(long Version, bool Active, long Connections, long Streams);

public sealed record ListenerStatus(string Name, string ConfiguredAddress, string BoundAddress, string State, long Connections,
    long ConnectionsTotal, IReadOnlyList<string> FilterChains)
{
    /// <summary>Where it is besides, each with the port that the system chose.</summary>
    public IReadOnlyList<string> AdditionalAddresses { get; init; } = [];
}

/// <summary>
/// <paramref name="Flags"/>: what speaks against it in Envoy's words, such as <c>failed_active_hc</c>; <paramref name="Reason"/>: in words
/// for people. What an operator has set at run time: <paramref name="WeightOverride"/> (null: nothing), <paramref name="DrainOverride"/>.
/// </summary>
public sealed record EndpointStatus(string Address, string HostName, string Health, int Weight, long ConnectionsActive,
    long ConnectionsTotal, long ConnectFailures, long RequestsActive, long RequestsTotal, long RequestsSuccess, long RequestsError,
        long RequestsTimeout, IReadOnlyList<string> Flags, string? Reason = null, bool Canary = false,
            int? WeightOverride = null, bool DrainOverride = false)
{
    /// <summary>0: the first.</summary>
    public int Priority { get; init; }
    public string Region { get; init; } = "";
    public string Zone { get; init; } = "";
    public string SubZone { get; init; } = "";
    /// <summary>Of outlier detection's last interval, in percent; -1: nobody counts, or too little came to say.</summary>
    public double SuccessRate { get; init; } = -1;
    /// <summary>Likewise of attempts to reach it.</summary>
    public double LocalOriginSuccessRate { get; init; } = -1;
}

public sealed record ClusterStatus(string Name, string Type, string LbPolicy, long MaxConnections, long MaxPendingRequests,
    long MaxRequests, long MaxRetries, IReadOnlyList<EndpointStatus> Endpoints)
{
    /// <summary>Null: there is no outlier detection.</summary>
    public EjectionRates? Rates { get; init; }
}

/// <summary>
/// The mean of the endpoints' success rates in the last interval of outlier detection, and below which one was ejected; of answers, and of
/// attempts to reach them. In percent; -1: there was too little to say.
/// </summary>
public sealed record EjectionRates(double Average, double Threshold, double LocalAverage, double LocalThreshold);

/// <summary>A request to try against the routes without traffic. Method, authority and path are as on the wire.</summary>
public sealed record MatchQuery(string Listener, string Method, string Authority, string Path,
    IReadOnlyList<KeyValuePair<string, string>> Headers, IPAddress? SourceIp, string? ServerName, int? DestinationPort);

/// <summary>Where the request would go, and why each candidate before it lost.</summary>
public sealed record MatchResult(string? FilterChain, string? RouteConfiguration, string? VirtualHost, string? Route, string? Action,
    string? Cluster, IReadOnlyList<MatchStep> Steps);
