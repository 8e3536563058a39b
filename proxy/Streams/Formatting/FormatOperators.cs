using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Streams.Formatting.Operators;

namespace Managed.Proxy.Streams.Formatting;

/// <summary>Every operator there is, by name. Envoy's names and meanings; times are in milliseconds.</summary>
internal static class FormatOperators
{
    private delegate FormatOperator? Make(OperatorRequest request, ConfigErrors errors, ConfigNode? at);

    private enum Arguments { None, Optional, Required }

    private sealed record Entry(Arguments Arguments, bool TakesLength, Make Make);

    // Operators of Envoy that need what this version does not have: retries' timing, tracing, metadata other than dynamic.
    private static readonly HashSet<string> Unavailable =
    [
        "REQUEST_TX_DURATION", "ROUNDTRIP_DURATION", "DOWNSTREAM_HANDSHAKE_DURATION", "UPSTREAM_CONNECTION_POOL_READY_DURATION",
        "BYTES_RETRANSMITTED", "PACKETS_RETRANSMITTED", "CLUSTER_METADATA", "UPSTREAM_METADATA", "METADATA", "UPSTREAM_FILTER_STATE",
        "VIRTUAL_CLUSTER_NAME", "TRACE_ID", "SPAN_ID", "CEL", "TYPED_CEL", "COALESCE", "CUSTOM_FLAGS",
        "DOWNSTREAM_LOCAL_CLOSE_REASON", "DOWNSTREAM_DETECTED_CLOSE_TYPE",
    ];

    private static readonly Dictionary<string, Entry> All = Build();

    /// <summary>Names of all operators, sorted.</summary>
    public static IEnumerable<string> Names => All.Keys.Order(StringComparer.Ordinal);

    public static FormatOperator? Create(OperatorRequest request, ConfigErrors errors, ConfigNode? at)
    {
        string name = request.Name;
        if (!All.TryGetValue(name, out var entry))
        {
            if (IsUnavailable(name))
                errors.Error(at, ConfigCode.UnsupportedField, $"format operator %{name}% is not available in this version");
            else errors.Error(at, ConfigCode.InvalidValue, $"unknown format operator %{name}%", Suggestions.Hint(name, All.Keys));
            return null;
        }
        string? wrong = entry switch
        {
            { Arguments: Arguments.None } when request.Arguments is { Length: > 0 } => "takes no argument",
            { Arguments: Arguments.Required } when string.IsNullOrEmpty(request.Arguments) => "needs an argument in parentheses",
            { TakesLength: false } when request.Length is not null => "takes no maximal length",
            _ => null,
        };
        if (wrong is null) return entry.Make(request, errors, at);
        errors.Error(at, ConfigCode.InvalidValue, $"format operator %{name}% {wrong}");
        return null;
    }

    private static bool IsUnavailable(string name)
        => Unavailable.Contains(name)
        || name.Contains("_TLS_", StringComparison.Ordinal) || name.Contains("_PEER_", StringComparison.Ordinal)
        || name.EndsWith("_SAN", StringComparison.Ordinal)
        || name.EndsWith("_SUBJECT", StringComparison.Ordinal) || name.EndsWith("_ENDPOINT_ID", StringComparison.Ordinal)
        || name.Contains("HEADER_BYTES_", StringComparison.Ordinal);

    private static Dictionary<string, Entry> Build()
    {
        var all = new Dictionary<string, Entry>(StringComparer.Ordinal);
        void Number(string name, Func<StreamInfo, long?> read)
            => all.Add(name, new(Arguments.None, false, (_, _, _) => new NumberOperator(read)));
        void Text(string name, Func<StreamInfo, string?> read)
            => all.Add(name, new(Arguments.None, false, (_, _, _) => new TextOperator(read)));
        void Other(string name, Arguments arguments, bool length, Make make) => all.Add(name, new(arguments, length, make));

        // Times
        Other("START_TIME", Arguments.Optional, false, (r, e, at) => TimeOperator.Create(r, e, at, emit: false, local: false));
        Other("START_TIME_LOCAL", Arguments.Optional, false, (r, e, at) => TimeOperator.Create(r, e, at, emit: false, local: true));
        Other("EMIT_TIME", Arguments.Optional, false, (r, e, at) => TimeOperator.Create(r, e, at, emit: true, local: false));
        Other("EMIT_TIME_LOCAL", Arguments.Optional, false, (r, e, at) => TimeOperator.Create(r, e, at, emit: true, local: true));
        Number("DURATION", i => Milliseconds(i.StartTime, i.EndTime));
        Number("REQUEST_DURATION", i => Milliseconds(i.StartTime, i.RequestEnd));
        Number("RESPONSE_DURATION", i => Milliseconds(i.StartTime, i.UpstreamFirstByte));
        Number("RESPONSE_TX_DURATION", i => Milliseconds(i.UpstreamFirstByte, i.EndTime));
        Other("COMMON_DURATION", Arguments.Required, false, DurationOperator.Create);

        // Headers and trailers
        foreach (string name in (string[])["REQ", "REQUEST_HEADER"])
            Other(name, Arguments.Required, true, (r, e, at) => HeaderOperator.Create(r, e, at, HeaderSource.Request));
        foreach (string name in (string[])["RESP", "RESPONSE_HEADER"])
            Other(name, Arguments.Required, true, (r, e, at) => HeaderOperator.Create(r, e, at, HeaderSource.Response));
        foreach (string name in (string[])["TRAILER", "RESPONSE_TRAILER"])
            Other(name, Arguments.Required, true, (r, e, at) => HeaderOperator.Create(r, e, at, HeaderSource.ResponseTrailers));
        Other("REQ_WITHOUT_QUERY", Arguments.Required, true,
            (r, e, at) => HeaderOperator.Create(r, e, at, HeaderSource.RequestWithoutQuery));
        Other("PATH", Arguments.Optional, true, PathOperator.Create);
        Other("QUERY_PARAM", Arguments.Required, true, (r, _, _) => new QueryParameterOperator(r.Arguments!));
        Other("GRPC_STATUS", Arguments.Optional, false, GrpcStatusOperator.Create);
        Other("GRPC_STATUS_NUMBER", Arguments.None, false, (_, _, _) => new GrpcStatusOperator(GrpcStatusForm.Number));

        // Request and response
        Other("PROTOCOL", Arguments.None, false, (_, _, _) => new TextOperator(i => ProtocolName(i.Protocol)));
        Other("UPSTREAM_PROTOCOL", Arguments.None, false, (_, _, _) => new TextOperator(i => ProtocolName(i.UpstreamProtocol)));
        Number("RESPONSE_CODE", i => i.ResponseCode); // 0 when no response was begun, as in Envoy
        Text("RESPONSE_CODE_DETAILS", i => i.Details);
        Other("RESPONSE_FLAGS", Arguments.None, false, (_, _, _) => new ResponseFlagsOperator(longNames: false));
        Other("RESPONSE_FLAGS_LONG", Arguments.None, false, (_, _, _) => new ResponseFlagsOperator(longNames: true));
        Text("CONNECTION_TERMINATION_DETAILS", i => i.ConnectionTerminationDetails);
        Text("LOCAL_REPLY_BODY", i => i.LocalReplyBody);
        Number("BYTES_RECEIVED", i => i.BytesReceived);
        Number("BYTES_SENT", i => i.BytesSent);
        Number("DOWNSTREAM_WIRE_BYTES_RECEIVED", i => i.WireBytesReceived);
        Number("DOWNSTREAM_WIRE_BYTES_SENT", i => i.WireBytesSent);
        Number("UPSTREAM_WIRE_BYTES_RECEIVED", i => i.UpstreamWireBytesReceived);
        Number("UPSTREAM_WIRE_BYTES_SENT", i => i.UpstreamWireBytesSent);
        Number("REQUEST_HEADERS_BYTES", i => i.RequestHeaderBytes);
        Number("RESPONSE_HEADERS_BYTES", i => i.ResponseHeaderBytes);
        Number("RESPONSE_TRAILERS_BYTES", i => i.ResponseTrailers?.ByteSize ?? 0);

        // Routing and upstream
        Text("ROUTE_NAME", i => i.RouteName);
        Text("UPSTREAM_CLUSTER", i => i.UpstreamCluster);
        Text("UPSTREAM_CLUSTER_RAW", i => i.UpstreamCluster);
        Text("UPSTREAM_HOST", i => i.UpstreamHost);
        Text("UPSTREAM_HOST_NAME", i => string.IsNullOrEmpty(i.UpstreamHostName) ? i.UpstreamHost : i.UpstreamHostName);
        Text("UPSTREAM_TRANSPORT_FAILURE_REASON", i => i.UpstreamFailure);
        Number("UPSTREAM_REQUEST_ATTEMPT_COUNT", i => i.UpstreamAttempts);

        // Addresses
        AddressOperator.Register((name, op) => Other(name, Arguments.None, false, (_, _, _) => op));

        TlsOperators.Register(Text);

        // Identity
        Number("CONNECTION_ID", i => i.ConnectionId == 0 ? null : (long)i.ConnectionId);
        Number("UPSTREAM_CONNECTION_ID", i => i.UpstreamConnectionId == 0 ? null : (long)i.UpstreamConnectionId);
        Other("STREAM_ID", Arguments.None, false, (_, _, _) => new StreamIdOperator());
        Other("UNIQUE_ID", Arguments.None, false, (_, _, _) => new UniqueIdOperator());
        Text("REQUESTED_SERVER_NAME", i => i.RequestedServerName);
        Text("FILTER_CHAIN_NAME", i => i.FilterChainName);
        Other("ACCESS_LOG_TYPE", Arguments.None, false, (r, _, _) => new TextOperator(r.Use == FormatUse.Log
            ? i => i.LogType ?? (i.RequestHeaders is null ? "TcpConnectionEnd" : "DownstreamEnd")
            : _ => "NotSet"));
        Other("HOSTNAME", Arguments.None, false, (_, _, _) => new ConstantOperator(Encoding.UTF8.GetBytes(Environment.MachineName)));
        Other("ENVIRONMENT", Arguments.Required, true, EnvironmentOf);

        // What filters left behind
        Other("DYNAMIC_METADATA", Arguments.Required, true, DynamicMetadataOperator.Create);
        Other("FILTER_STATE", Arguments.Required, true, FilterStateOperator.Create);
        return all;
    }

    private static ConstantOperator? EnvironmentOf(OperatorRequest request, ConfigErrors errors, ConfigNode? at)
    {
        if (errors.Host.MayRead(HostAccess.FormatVariable, request.Arguments!))
            return new ConstantOperator(Encoding.UTF8.GetBytes(Environment.GetEnvironmentVariable(request.Arguments!) ?? ""));
        errors.Error(at, ConfigCode.InvalidValue, $"environment variable '{request.Arguments}' may not be read",
            DataSourceReading.AllowVariable);
        return null;
    }

    private static long? Milliseconds(long from, long to) => from == 0 || to == 0 ? null : Math.Max(0, to - from) / 1000;

    private static string? ProtocolName(HttpProtocol protocol) => protocol switch
    {
        HttpProtocol.Http10 => "HTTP/1.0",
        HttpProtocol.Http11 => "HTTP/1.1",
        HttpProtocol.Http2 => "HTTP/2",
        _ => null,
    };
}
