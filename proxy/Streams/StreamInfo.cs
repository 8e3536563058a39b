using System.Net;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Streams;

/// <summary>Envoy's response flags; the short names are those of its access logs.</summary>
[Flags]
public enum ResponseFlags : uint
{
    None = 0,
    /// <summary>UH</summary>
    NoHealthyUpstream = 1 << 0,
    /// <summary>UF</summary>
    UpstreamConnectionFailure = 1 << 1,
    /// <summary>UO</summary>
    UpstreamOverflow = 1 << 2,
    /// <summary>NR</summary>
    NoRouteFound = 1 << 3,
    /// <summary>URX</summary>
    UpstreamRetryLimitExceeded = 1 << 4,
    /// <summary>NC</summary>
    NoClusterFound = 1 << 5,
    /// <summary>DT</summary>
    DurationTimeout = 1 << 6,
    /// <summary>DC</summary>
    DownstreamConnectionTermination = 1 << 7,
    /// <summary>UT</summary>
    UpstreamRequestTimeout = 1 << 8,
    /// <summary>LR</summary>
    LocalReset = 1 << 9,
    /// <summary>UR</summary>
    UpstreamRemoteReset = 1 << 10,
    /// <summary>UC</summary>
    UpstreamConnectionTermination = 1 << 11,
    /// <summary>DI</summary>
    DelayInjected = 1 << 12,
    /// <summary>FI</summary>
    FaultInjected = 1 << 13,
    /// <summary>RL</summary>
    RateLimited = 1 << 14,
    /// <summary>SI</summary>
    StreamIdleTimeout = 1 << 15,
    /// <summary>DPE</summary>
    DownstreamProtocolError = 1 << 16,
    /// <summary>UPE</summary>
    UpstreamProtocolError = 1 << 17,
    /// <summary>UMSDR</summary>
    UpstreamMaxStreamDurationReached = 1 << 18,
    /// <summary>OM</summary>
    OverloadManagerTerminated = 1 << 19,
    /// <summary>DF</summary>
    DnsResolutionFailed = 1 << 20,
    /// <summary>DR</summary>
    DownstreamRemoteReset = 1 << 21,
    /// <summary>UAEX</summary>
    UnauthorizedExternalService = 1 << 22,
    /// <summary>RFCF</summary>
    ResponseFromCacheFilter = 1 << 23,
}

public enum HttpProtocol : byte { None, Http10, Http11, Http2 }

/// <summary>
/// What is known of one stream or one TCP connection: read by formatters, access logs, filters. Times are worker-clock
/// microseconds of the worker's clock; 0 means not reached. Reused: valid until the stream's log call returned.
/// </summary>
public sealed class StreamInfo
{
    /// <summary>Null for a TCP connection.</summary>
    public HeaderMap? RequestHeaders, ResponseHeaders, ResponseTrailers;

    public HttpProtocol Protocol, UpstreamProtocol;
    /// <summary>UpstreamAsked: a connection for the last attempt was asked for; UpstreamStart: it was there.</summary>
    public long UpstreamAsked;
    public long StartTime, RequestHeadersEnd, RequestEnd, UpstreamStart, UpstreamFirstByte, ResponseStart, EndTime;
    /// <summary>Wall clock of <see cref="StartTime"/>, microseconds since the Unix epoch.</summary>
    public long StartWallClock;
    /// <summary>Body bytes from and to the client.</summary>
    public long BytesReceived, BytesSent;
    /// <summary>All bytes on the client's wire for this stream, framing and headers included.</summary>
    public long WireBytesReceived, WireBytesSent;
    public long UpstreamWireBytesReceived, UpstreamWireBytesSent;
    public int RequestHeaderBytes, ResponseHeaderBytes;
    /// <summary>0 when no response was begun.</summary>
    public int ResponseCode;
    public ResponseFlags Flags;
    /// <summary>Envoy's RESPONSE_CODE_DETAILS, for example <c>via_upstream</c> or <c>route_not_found</c>.</summary>
    public string? Details, ConnectionTerminationDetails, UpstreamFailure;
    public ulong ConnectionId, StreamId, UpstreamConnectionId;
    public int UpstreamAttempts;

    /// <summary>After X-Forwarded-For or PROXY protocol.</summary>
    public IPEndPoint? RemoteAddress;
    /// <summary>The physical peer; null on a Unix socket.</summary>
    public IPEndPoint? DirectRemoteAddress;
    /// <summary>After PROXY protocol, before X-Forwarded-For; null on a Unix socket.</summary>
    public IPEndPoint? ConnectionRemoteAddress;
    public IPEndPoint? LocalAddress;
    public string? RequestedServerName;
    /// <summary>Null without TLS.</summary>
    internal TlsConnection? DownstreamTls, UpstreamTls;
    /// <summary>What endpoints may be told of the client; null for what is no connection's.</summary>
    internal ClientIdentity? Client;
    /// <summary>Why the client's TLS did not begin; null when it did, or there is none.</summary>
    public string? DownstreamTransportFailure;
    /// <summary>Fingerprints of the client's ClientHello; null or empty when they were not made.</summary>
    public string? Ja3, Ja4;
    public string? ListenerName, FilterChainName, RouteName, VirtualHostName, UpstreamCluster;
    /// <summary><c>address:port</c> of the chosen endpoint, and the host name it came from.</summary>
    public string? UpstreamHost, UpstreamHostName;
    public IPEndPoint? UpstreamRemoteAddress, UpstreamLocalAddress;
    /// <summary>The body of a local reply, for LOCAL_REPLY_BODY; null otherwise.</summary>
    public string? LocalReplyBody;
    public bool IsHealthCheck;
    /// <summary>Envoy's kind of the line that is logged; null: of the end of a request.</summary>
    public string? LogType;

    /// <summary>Dynamic metadata by filter name; created when first written.</summary>
    public Dictionary<string, Dictionary<string, object?>>? DynamicMetadata;
    public Dictionary<string, object>? FilterState;

    private HashSet<string>? _lockedState;

    /// <summary>Sets an object of <see cref="FilterState"/>; false: somebody has set it for good.</summary>
    /// <param name="key">Its name.</param>
    /// <param name="value">Null takes it away.</param>
    /// <param name="forGood">Nobody may change it any more.</param>
    public bool TrySetState(string key, object? value, bool forGood = false)
    {
        if (_lockedState is { } locked && locked.Contains(key)) return false;
        FilterState ??= [];
        if (value is null) FilterState.Remove(key); else FilterState[key] = value;
        if (forGood) (_lockedState ??= []).Add(key);
        return true;
    }

    /// <summary>Begins with the objects of the connection; what is set for good there stays.</summary>
    internal void CopyState(StreamInfo from)
    {
        if (from.FilterState is { } state) FilterState = new(state);
        if (from._lockedState is { } locked) _lockedState = [.. locked];
    }

    /// <summary>An object of the filter state as a text: bytes, which modules write, as UTF-8.</summary>
    internal static string StateText(object value) => value as string
        ?? (value is byte[] bytes ? System.Text.Encoding.UTF8.GetString(bytes) : value.ToString()) ?? "";

    /// <summary>Back to a fresh state, keeping nothing.</summary>
    public void Reset()
    {
        RequestHeaders = ResponseHeaders = ResponseTrailers = null;
        Protocol = UpstreamProtocol = HttpProtocol.None;
        UpstreamAsked = StartTime = RequestHeadersEnd = RequestEnd = UpstreamStart = UpstreamFirstByte = ResponseStart = EndTime =
            StartWallClock = 0;
        BytesReceived = BytesSent = WireBytesReceived = WireBytesSent = UpstreamWireBytesReceived = UpstreamWireBytesSent = 0;
        RequestHeaderBytes = ResponseHeaderBytes = ResponseCode = UpstreamAttempts = 0;
        Flags = ResponseFlags.None;
        Details = ConnectionTerminationDetails = UpstreamFailure = null;
        ConnectionId = StreamId = UpstreamConnectionId = 0;
        RemoteAddress = DirectRemoteAddress = ConnectionRemoteAddress = LocalAddress = UpstreamRemoteAddress = UpstreamLocalAddress = null;
        DownstreamTls = UpstreamTls = null;
        Client = null;
        DownstreamTransportFailure = Ja3 = Ja4 = null;
        RequestedServerName = ListenerName = FilterChainName = RouteName = VirtualHostName = UpstreamCluster = UpstreamHost =
            UpstreamHostName = LocalReplyBody = null;
        IsHealthCheck = false;
        LogType = null;
        TakeMetadataBack();
        FilterState = null;
        _lockedState = null;
    }

    // Maps for the next stream, so that noting a result costs no allocation.
    private const int KeptSpaces = 4, KeptValues = 16;
    private readonly Stack<Dictionary<string, object?>> _freeSpaces = [];
    private Dictionary<string, Dictionary<string, object?>>? _freeMetadata;

    /// <summary>The values of a namespace of <see cref="DynamicMetadata"/>, which are made when there are none.</summary>
    public Dictionary<string, object?> MetadataOf(string space)
    {
        DynamicMetadata ??= _freeMetadata ?? [];
        if (DynamicMetadata.TryGetValue(space, out var values)) return values;
        if (!_freeSpaces.TryPop(out values)) values = [];
        DynamicMetadata.Add(space, values);
        return values;
    }

    private void TakeMetadataBack()
    {
        if (DynamicMetadata is not { } all) return;
        DynamicMetadata = null;
        if (all.Capacity > KeptValues) return;
        foreach (var values in all.Values)
        {
            if (_freeSpaces.Count >= KeptSpaces || values.Capacity > KeptValues) continue;
            values.Clear();
            _freeSpaces.Push(values);
        }
        all.Clear();
        _freeMetadata = all;
    }
}
