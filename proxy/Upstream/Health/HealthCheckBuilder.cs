using System.Globalization;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams.AccessLog;
using Managed.Proxy.Streams.Formatting;
using Managed.Proxy.Upstream.Pools;

namespace Managed.Proxy.Upstream.Health;

/// <summary>Checks and compiles a cluster's active health check, on the control thread.</summary>
internal static class HealthCheckBuilder
{
    /// <summary>Null without one, or with errors added.</summary>
    public static HealthCheckPlan? Build(ClusterConfig cluster, UpstreamHttp http, ConfigErrors errors, AccessLogFiles? logs = null)
    {
        if (cluster.HealthChecks is not [var config, ..]) return null;
        int before = errors.Count;
        string defaultHost = cluster.Name;
        var plan = config switch
        {
            { HttpHealthCheck: { } check } => OfHttp(config, check, http, cluster.TransportSocket is not null, errors),
            { TcpHealthCheck: { } check } => Make(config, CheckKind.Tcp, null, Bytes(check.Send, errors),
                [.. check.Receive.Select(r => Bytes(r, errors))]),
            { GrpcHealthCheck: { } check } => OfGrpc(config, check, http, cluster.TransportSocket is not null, errors),
            _ => null,
        };
        if (plan is not null) plan.Log = HealthEventLog.Build(config, cluster.Name, plan.Kind, errors, logs);
        if (errors.Count != before || plan is null) return null;
        if (plan.Kind != CheckKind.Tcp && !plan.Request.Has(HeaderId.Authority)
            && !HeaderValue.IsAuthority(Encoding.UTF8.GetBytes(defaultHost)))
            errors.Error(config.Node, ConfigCode.MissingField, $"'{defaultHost}' is no host name: give host, or authority");
        return errors.Count == before ? plan : null;
    }

    private static HealthCheckPlan OfHttp(HealthCheckConfig config, HttpHealthCheckConfig check, UpstreamHttp cluster, bool tls,
        ConfigErrors errors)
    {
        var http = check.CodecClientType == HealthCheckCodec.Http1 ? UpstreamHttp.Http1
            : cluster.Protocol == UpstreamProtocol.Http2 ? cluster : UpstreamHttp.Http2;
        byte[] send = Bytes(check.Send, errors);
        string method = check.Method == HealthCheckMethod.MethodUnspecified ? "GET" : check.Method.ToString().ToUpperInvariant();
        if (send.Length > 0 && method is "GET" or "HEAD" or "DELETE" or "OPTIONS")
            errors.Error(check.Send!.Node, ConfigCode.Conflict, $"a {method} has no body: give method POST, PUT or PATCH");
        var plan = Make(config, CheckKind.Http, http, send, [.. check.Receive.Select(r => Bytes(r, errors))],
            HeaderMutations.Build(check.RequestHeadersToAdd, check.RequestHeadersToRemove, errors,
                Place.Of(check, "request_headers_to_remove")),
            (int)check.ResponseBufferSize, Ranges(check.ExpectedStatuses, errors), Ranges(check.RetriableStatuses, errors),
            check.ServiceNameMatcher is { } matcher ? StringMatch.Of(matcher, errors) : null);
        string path = check.Path;
        if (path.Length > 0 && (path[0] != '/' || path.Any(c => c is <= ' ' or >= (char)127)))
            errors.ErrorAt(check.Node, "path", ConfigCode.InvalidValue, "a path begins with / and has no spaces");
        Fill(plan.Request, method, path, check.Host, tls, check.Node, "host", errors);
        return plan;
    }

    private static HealthCheckPlan OfGrpc(HealthCheckConfig config, GrpcHealthCheckConfig check, UpstreamHttp http, bool tls,
        ConfigErrors errors)
    {
        if (http.Protocol != UpstreamProtocol.Http2)
            errors.Error(check.Node, ConfigCode.Conflict, "the cluster has to speak HTTP/2 for a gRPC health check", "http2: true");
        // HealthCheckRequest: field 1, a string. Before it the frame of gRPC: not compressed, its length.
        byte[] service = Encoding.UTF8.GetBytes(check.ServiceName);
        var message = new List<byte>();
        if (service.Length > 0)
        {
            message.Add(0x0a);
            for (int n = service.Length; ; n >>= 7)
            {
                message.Add((byte)(n < 128 ? n : (n & 127) | 128));
                if (n < 128) break;
            }
            message.AddRange(service);
        }
        byte[] send = [0, 0, 0, (byte)(message.Count >> 8), (byte)message.Count, .. message];
        var plan = Make(config, CheckKind.Grpc, http, send, [], HeaderMutations.Build(check.InitialMetadata, [], errors, null), 1024);
        Fill(plan.Request, "POST", "/grpc.health.v1.Health/Check", check.Authority, tls, check.Node, "authority", errors);
        plan.Request.Add("content-type", "application/grpc");
        plan.Request.Add("te", "trailers");
        return plan;
    }

    private static void Fill(HeaderMap request, string method, string path, string host, bool tls, ConfigNode? node, string field,
        ConfigErrors errors)
    {
        request.Add(":method", method);
        request.Add(":path", path);
        request.Add(":scheme", tls ? "https" : "http");
        if (host.Length > 0)
        {
            if (HeaderValue.IsAuthority(Encoding.UTF8.GetBytes(host))) request.Add(":authority", host);
            else errors.ErrorAt(node, field, ConfigCode.InvalidValue, $"'{host}' is not a host");
        }
        request.Add("user-agent", "Envoy/HC"); // services know it by that
    }

    private static HealthCheckPlan Make(HealthCheckConfig config, CheckKind kind, UpstreamHttp? http, byte[] send, byte[][] receive,
        HeaderMutations? headers = null, int lookedAt = 0, (int, int)[]? expected = null, (int, int)[]? retriable = null,
        StringMatch? serviceName = null)
    {
        long interval = Micros(config.Interval), unhealthy = Micros(config.UnhealthyInterval ?? config.Interval);
        return new HealthCheckPlan
        {
            Source = config.Node!,
            Kind = kind,
            Http = http,
            TimeoutMicros = Micros(config.Timeout),
            IntervalMicros = interval,
            InitialJitterMicros = Micros(config.InitialJitter),
            JitterMicros = Micros(config.IntervalJitter),
            JitterPercent = config.IntervalJitterPercent,
            UnhealthyThreshold = config.UnhealthyThreshold ?? 1,
            HealthyThreshold = config.HealthyThreshold ?? 1,
            Reuses = config.ReuseConnection,
            NoTrafficMicros = Micros(config.NoTrafficInterval),
            NoTrafficHealthyMicros = Micros(config.NoTrafficHealthyInterval ?? config.NoTrafficInterval),
            UnhealthyMicros = unhealthy,
            UnhealthyEdgeMicros = config.UnhealthyEdgeInterval is { } edge ? Micros(edge) : unhealthy,
            HealthyEdgeMicros = config.HealthyEdgeInterval is { } good ? Micros(good) : interval,
            Send = send,
            Receive = receive,
            Headers = headers ?? HeaderMutations.None,
            LookedAt = lookedAt,
            Expected = expected is { Length: > 0 } ? expected : [(200, 201)],
            Retriable = retriable ?? [],
            ServiceName = serviceName,
        };
    }

    private static (int, int)[] Ranges(IReadOnlyList<Int64RangeConfig> ranges, ConfigErrors errors)
    {
        foreach (var range in ranges)
            if (range.Start < 100 || range.End > 600 || range.Start >= range.End)
                errors.Error(range.Node, ConfigCode.InvalidValue,
                    "a range of statuses is within 100 and 600, and its end behind its start");
        return [.. ranges.Select(r => ((int)r.Start, (int)r.End))];
    }

    private static byte[] Bytes(HealthCheckPayloadConfig? payload, ConfigErrors errors)
    {
        if (payload?.Binary is { } binary) return binary;
        if (payload?.Text is not { } text) return [];
        if (text.Length % 2 == 0 && text.All(char.IsAsciiHexDigit)) return Convert.FromHexString(text);
        errors.ErrorAt(payload.Node, "text", ConfigCode.InvalidValue,
            string.Create(CultureInfo.InvariantCulture, $"'{text}' is not hexadecimal, two digits a byte"));
        return [];
    }

    private static long Micros(TimeSpan? time) => (time ?? TimeSpan.Zero).Ticks / TimeSpan.TicksPerMicrosecond;
}
