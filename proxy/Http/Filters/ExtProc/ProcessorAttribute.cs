using System.Globalization;
using System.Net;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.ExtProc;

/// <summary>A value that is known of a stream, by Envoy's name of it (arch_overview_attributes). Null where there is none.</summary>
internal sealed record ProcessorAttribute(string Name, Func<HttpStream, object?> Read)
{
    private static readonly Dictionary<string, Func<HttpStream, object?>> Known = new(StringComparer.Ordinal)
    {
        ["request.path"] = static s => Field(s.RequestHeaders, HeaderId.Path),
        ["request.url_path"] = static s => Encoding.UTF8.GetString(QueryString.PathOf(s.RequestHeaders.Get(HeaderId.Path))),
        ["request.query"] = static s => QueryString.TryOf(s.RequestHeaders.Get(HeaderId.Path), out var query)
            ? Encoding.UTF8.GetString(query) : "",
        ["request.host"] = static s => Field(s.RequestHeaders, HeaderId.Authority),
        ["request.scheme"] = static s => Field(s.RequestHeaders, HeaderId.Scheme),
        ["request.method"] = static s => Field(s.RequestHeaders, HeaderId.Method),
        ["request.referer"] = static s => Field(s.RequestHeaders, "referer"),
        ["request.useragent"] = static s => Field(s.RequestHeaders, "user-agent"),
        ["request.id"] = static s => Field(s.RequestHeaders, "x-request-id"),
        ["request.headers"] = static s => Fields(s.RequestHeaders),
        ["request.time"] = static s => DateTime.UnixEpoch.AddMicroseconds(s.Info.StartWallClock)
            .ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture),
        ["request.duration"] = static s => Ended(s, (s.Info.EndTime - s.Info.StartTime) / 1e6),
        ["request.size"] = static s => (double)(FieldSyntax.ParseLength(s.RequestHeaders.Get(HeaderId.ContentLength)) is >= 0 and var said
            ? said : s.Info.BytesReceived),
        ["request.total_size"] = static s => (double)(s.Info.BytesReceived + s.RequestHeaders.ByteSize),
        ["request.protocol"] = static s => s.Info.Protocol switch
        {
            HttpProtocol.Http2 => "HTTP/2", HttpProtocol.Http10 => "HTTP/1.0", _ => "HTTP/1.1",
        },
        ["response.code"] = static s => FieldSyntax.ParseLength(s.ResponseHeaders.Get(HeaderId.Status)) is > 0 and var code
            ? (double)code : null,
        ["response.code_details"] = static s => s.Info.Details,
        ["response.flags"] = static s => (double)(uint)s.Info.Flags,
        ["response.headers"] = static s => s.ResponseHeaders.Count > 0 ? Fields(s.ResponseHeaders) : null,
        ["response.size"] = static s => (double)s.Info.BytesSent,
        ["response.total_size"] = static s => (double)(s.Info.BytesSent + s.ResponseHeaders.ByteSize),
        ["response.backend_latency"] = static s => s.Info.UpstreamFirstByte > 0
            ? (s.Info.UpstreamFirstByte - s.Info.UpstreamStart) / 1e6 : null,
        ["source.address"] = static s => Address(s.Info.RemoteAddress),
        ["source.port"] = static s => Port(s.Info.RemoteAddress),
        ["destination.address"] = static s => Address(s.Info.LocalAddress),
        ["destination.port"] = static s => Port(s.Info.LocalAddress),
        ["connection.id"] = static s => (double)s.Info.ConnectionId,
        ["connection.mtls"] = static s => s.Info.DownstreamTls?.HasPeerCertificate == true,
        ["connection.requested_server_name"] = static s => s.Info.RequestedServerName,
        ["connection.tls_version"] = static s => s.Info.DownstreamTls?.Version,
        ["connection.subject_local_certificate"] = static s => s.Info.DownstreamTls?.Local?.Leaf.Subject,
        ["connection.subject_peer_certificate"] = static s => s.Info.DownstreamTls?.Peer?.Subject,
        ["connection.dns_san_local_certificate"] = static s => San(s.Info.DownstreamTls?.Local?.Leaf, SanType.Dns),
        ["connection.dns_san_peer_certificate"] = static s => San(s.Info.DownstreamTls?.Peer, SanType.Dns),
        ["connection.uri_san_local_certificate"] = static s => San(s.Info.DownstreamTls?.Local?.Leaf, SanType.Uri),
        ["connection.uri_san_peer_certificate"] = static s => San(s.Info.DownstreamTls?.Peer, SanType.Uri),
        ["upstream.address"] = static s => Address(s.Info.UpstreamRemoteAddress),
        ["upstream.port"] = static s => Port(s.Info.UpstreamRemoteAddress),
        ["upstream.local_address"] = static s => Address(s.Info.UpstreamLocalAddress),
        ["upstream.transport_failure_reason"] = static s => s.Info.UpstreamFailure,
        ["upstream.request_attempt_count"] = static s => (double)s.Info.UpstreamAttempts,
        ["xds.cluster_name"] = static s => s.Info.UpstreamCluster,
        ["xds.route_name"] = static s => s.Route?.Name,
        ["xds.virtual_host_name"] = static s => s.Route?.VirtualHostName,
        ["xds.filter_chain_name"] = static s => s.Info.FilterChainName,
        ["metadata"] = static s => s.Info.DynamicMetadata?.ToDictionary(m => m.Key, object? (m) => m.Value),
        ["filter_state"] = static s => s.Info.FilterState?.ToDictionary(f => f.Key, object? (f) => StreamInfo.StateText(f.Value)),
    };

    /// <summary>Null when errors were added.</summary>
    public static ProcessorAttribute[]? Find(IReadOnlyList<string> names, ConfigNode? at, string field, ConfigErrors errors)
    {
        int before = errors.Count;
        var found = new List<ProcessorAttribute>();
        foreach (string name in names)
            if (Known.TryGetValue(name, out var read)) found.Add(new ProcessorAttribute(name, read));
            else errors.ErrorAt(at, field, ConfigCode.InvalidValue, $"attribute '{name}' is not supported",
                Suggestions.Hint(name, Known.Keys));
        return errors.Count == before ? [.. found] : null;
    }

    private static object? Ended(HttpStream stream, double value) => stream.Info.EndTime > 0 ? value : null;

    private static string? Field(HeaderMap headers, HeaderId id) => headers.Has(id) ? Encoding.UTF8.GetString(headers.Get(id)) : null;

    private static string? Field(HeaderMap headers, string name) => headers.GetString(name);

    private static Dictionary<string, object?> Fields(HeaderMap headers)
    {
        var all = new Dictionary<string, object?>();
        int cursor = 0;
        while (headers.Next(ref cursor, out ReadOnlySpan<byte> name, out var value))
        {
            string key = Encoding.Latin1.GetString(name), text = Encoding.UTF8.GetString(value);
            all[key] = all.TryGetValue(key, out object? before) ? $"{before},{text}" : text;
        }
        return all;
    }

    private static string? Address(IPEndPoint? address) => address?.ToString();

    private static object? Port(IPEndPoint? address) => address is null ? null : (double)address.Port;

    private static string? San(PeerCertificate? certificate, SanType type) => certificate?.Names(type).FirstOrDefault();
}
