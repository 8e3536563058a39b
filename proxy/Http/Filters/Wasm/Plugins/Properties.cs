using System.Buffers.Binary;
using System.Net;
using System.Text;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.Wasm.Plugins;

/// <summary>
/// Envoy's attributes, for proxy_get_property: a path of segments, values in the ABI's encoding (texts as they are, numbers, times and
/// durations in nanoseconds as 8 bytes little endian, truth values as one byte, maps as pairs). What belongs to TLS is not there without
/// TLS.
/// </summary>
internal static class Properties
{
    private const int MaxSegments = 16;

    /// <summary>Guests end a path with a NUL, or do not.</summary>
    public static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> path) => path.Length > 0 && path[^1] == 0 ? path[..^1] : path;

    public static string StateKey(ReadOnlySpan<byte> path) => "wasm." + Encoding.UTF8.GetString(path).Replace('\0', '.');

    public static bool TryWrite(ReadOnlySpan<byte> path, StreamInfo? info, HttpStream? stream, PluginContext root, ByteWriter into)
    {
        path = Trim(path);
        Span<Range> ranges = stackalloc Range[MaxSegments];
        // Guests that write dots mean segments, unless they write NULs; a segment with dots in it needs NULs.
        byte separator = path.Contains((byte)0) ? (byte)0 : (byte)'.';
        int count = 0;
        foreach (var range in path.Split(separator))
        {
            if (count == MaxSegments) return false;
            ranges[count++] = range;
        }
        var segments = new Path(path, ranges[..count]);
        return Plugin(segments, root, into) || (stream is not null && OfStream(segments, stream, into))
            || (info is not null && (OfConnection(segments, info, into) || State(path, info, into)));
    }

    private static bool Plugin(Path path, PluginContext root, ByteWriter into)
    {
        if (path.Is("plugin_name"u8)) return Text(into, root.Plugin.GivenName);
        if (path.Is("plugin_root_id"u8)) return Text(into, root.Plugin.RootId);
        if (path.Is("plugin_vm_id"u8)) return Text(into, root.Vm.VmId);
        if (path.First("node"u8) || path.First("xds"u8, "node"u8))
        {
            // The node has a name only: there is no management server to tell more to.
            path = path.First("node"u8) ? path.From(1) : path.From(2);
            if (path.Length == 0) return Node(into);
            if (path.Is("id"u8) || path.Is("cluster"u8)) return Text(into, Environment.MachineName);
            return path.Is("metadata"u8) && Pairs(into, []);
        }
        // Known before there is a connection: guests ask for it in their configuration.
        if (path.First("xds"u8)) path = path.From(1);
        if (path.First("listener_metadata"u8)) return FilterMetadata(path.From(1), null, into);
        return path.Is("listener_direction"u8) && Number(into, 0); // UNSPECIFIED: listeners have no direction here
    }

    // envoy.config.core.v3.Node: id and cluster, fields 1 and 2.
    private static bool Node(ByteWriter into)
    {
        byte[] name = Encoding.UTF8.GetBytes(Environment.MachineName);
        ProtoWriter.Field(into, 1, name);
        ProtoWriter.Field(into, 2, name);
        return true;
    }

    private static bool OfStream(Path path, HttpStream stream, ByteWriter into)
    {
        if (path.First("request"u8)) return Request(path.From(1), stream, into);
        if (path.First("response"u8)) return Response(path.From(1), stream, into);
        if (path.First("upstream"u8)) return Upstream(path.From(1), stream.Info, into)
            || (path.From(1).Is("num_endpoints"u8) && Cluster(stream) is { } cluster && Number(into, cluster.Endpoints.All.Length));
        return Xds(path.First("xds"u8) ? path.From(1) : path, stream, into);
    }

    // What a connection without HTTP has too.
    private static bool OfConnection(Path path, StreamInfo info, ByteWriter into)
    {
        if (path.First("source"u8)) return Address(path.From(1), info.RemoteAddress, into);
        if (path.First("destination"u8)) return Address(path.From(1), info.LocalAddress, into);
        if (path.First("connection"u8)) return Connection(path.From(1), info, into);
        if (path.First("upstream"u8)) return Upstream(path.From(1), info, into);
        if (path.First("metadata"u8)) return Metadata(path.From(1), info, into);
        if (path.First("filter_state"u8)) return FilterState(path.From(1), info, into);
        if (path.First("upstream_filter_state"u8)) return path.Length == 1 && Pairs(into, []);
        if (path.First("xds"u8)) path = path.From(1);
        if (path.Is("cluster_name"u8)) return info.UpstreamCluster is { } cluster && Text(into, cluster);
        return path.Is("filter_chain_name"u8) && Text(into, info.FilterChainName ?? "");
    }

    private static bool Request(Path path, HttpStream stream, ByteWriter into)
    {
        var (headers, info) = (stream.RequestHeaders, stream.Info);
        var target = headers.Get(HeaderId.Path);
        int query = target.IndexOf((byte)'?');
        if (path.Is("path"u8)) return Bytes(into, target);
        if (path.Is("url_path"u8)) return Bytes(into, query < 0 ? target : target[..query]);
        if (path.Is("query"u8)) return Bytes(into, query < 0 ? default : target[(query + 1)..]);
        if (path.Is("host"u8)) return Bytes(into, headers.Get(HeaderId.Authority));
        if (path.Is("scheme"u8)) return Bytes(into, headers.Get(HeaderId.Scheme));
        if (path.Is("method"u8)) return Bytes(into, headers.Get(HeaderId.Method));
        if (path.Is("id"u8)) return headers.Has(HeaderId.XRequestId) && Bytes(into, headers.Get(HeaderId.XRequestId));
        if (path.Is("referer"u8)) return headers.TryGet("referer"u8, out var referer) && Bytes(into, referer);
        if (path.Is("useragent"u8)) return headers.TryGet("user-agent"u8, out var agent) && Bytes(into, agent);
        if (path.Is("protocol"u8))
            return Text(into, info.Protocol switch { HttpProtocol.Http10 => "HTTP/1.0", HttpProtocol.Http2 => "HTTP/2", _ => "HTTP/1.1" });
        if (path.Is("time"u8)) return Number(into, info.StartWallClock * 1000);
        if (path.Is("duration"u8))
            return Number(into, ((info.EndTime > 0 ? info.EndTime : stream.Worker.NowMicros) - info.StartTime) * 1000);
        if (path.Is("size"u8))
            return Number(into, headers.Has(HeaderId.ContentLength) && info.BytesReceived == 0
                && Headers.FieldSyntax.ParseLength(headers.Get(HeaderId.ContentLength)) is >= 0 and var length ? length
                    : info.BytesReceived);
        if (path.Is("total_size"u8)) return Number(into, info.BytesReceived + headers.ByteSize);
        if (path.Is("headers_bytes"u8)) return Number(into, headers.ByteSize);
        return path.First("headers"u8) && Fields(path.From(1), headers, into);
    }

    private static bool Response(Path path, HttpStream stream, ByteWriter into)
    {
        var (headers, info) = (stream.ResponseHeaders, stream.Info);
        if (path.Is("code"u8)) return headers.Has(HeaderId.Status)
            ? Number(into, Headers.FieldSyntax.ParseLength(headers.Get(HeaderId.Status))) : info.ResponseCode > 0
            && Number(into, info.ResponseCode);
        if (path.Is("code_details"u8)) return info.Details is { } details && Text(into, details);
        if (path.Is("flags"u8)) return Number(into, (long)info.Flags);
        if (path.Is("grpc_status"u8))
            return (stream.ResponseTrailers.TryGet("grpc-status"u8, out var grpc) || headers.TryGet("grpc-status"u8, out grpc))
                && Headers.FieldSyntax.ParseLength(grpc) is >= 0 and var status && Number(into, status);
        if (path.Is("size"u8)) return Number(into, info.BytesSent);
        if (path.Is("total_size"u8)) return Number(into, info.BytesSent + headers.ByteSize);
        if (path.Is("headers_bytes"u8)) return Number(into, headers.ByteSize);
        if (path.Is("backend_latency"u8)) return info.UpstreamFirstByte > 0
            && Number(into, (info.UpstreamFirstByte - info.UpstreamStart) * 1000);
        if (path.First("headers"u8)) return Fields(path.From(1), headers, into);
        return path.First("trailers"u8) && Fields(path.From(1), stream.ResponseTrailers, into);
    }

    private static bool Address(Path path, IPEndPoint? address, ByteWriter into)
    {
        if (address is null) return false;
        if (path.Is("address"u8)) return EndPoint(into, address);
        return path.Is("port"u8) && Number(into, address.Port);
    }

    // As IPEndPoint.ToString, without its text.
    private static bool EndPoint(ByteWriter into, IPEndPoint endPoint)
    {
        bool v6 = endPoint.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        if (v6) into.Write((byte)'[');
        if (!endPoint.Address.TryFormat(into.GetSpan(64), out int length)) return false;
        into.Advance(length);
        if (v6) into.Write((byte)']');
        into.Write((byte)':');
        into.Write(endPoint.Port);
        return true;
    }

    private static bool Connection(Path path, StreamInfo info, ByteWriter into)
    {
        if (path.Is("id"u8)) return Number(into, (long)info.ConnectionId);
        if (path.Is("mtls"u8)) return Truth(into, info.DownstreamTls is { HasPeerCertificate: true });
        if (path.Is("requested_server_name"u8)) return Text(into, info.RequestedServerName ?? "");
        if (path.Is("termination_details"u8)) return info.ConnectionTerminationDetails is { } details && Text(into, details);
        return info.DownstreamTls is { } tls && Tls(path, tls, into);
    }

    // Envoy's attributes of TLS, on either side.
    private static bool Tls(Path path, TlsConnection tls, ByteWriter into)
    {
        if (path.Is("tls_version"u8)) return Text(into, tls.Version);
        if (path.Is("subject_local_certificate"u8)) return tls.Local is { } own && Text(into, own.Leaf.Subject);
        if (path.Is("dns_san_local_certificate"u8)) return First(tls.Local?.Leaf, SanType.Dns, into);
        if (path.Is("uri_san_local_certificate"u8)) return First(tls.Local?.Leaf, SanType.Uri, into);
        if (tls.Peer is not { } peer) return false;
        if (path.Is("subject_peer_certificate"u8)) return Text(into, peer.Subject);
        if (path.Is("dns_san_peer_certificate"u8)) return First(peer, SanType.Dns, into);
        if (path.Is("uri_san_peer_certificate"u8)) return First(peer, SanType.Uri, into);
        return path.Is("sha256_peer_certificate_digest"u8) && Text(into, Convert.ToHexStringLower(peer.Sha256));
    }

    private static bool First(PeerCertificate? certificate, SanType type, ByteWriter into)
        => certificate?.Names(type).FirstOrDefault() is { } name && Text(into, name);

    private static bool Upstream(Path path, StreamInfo info, ByteWriter into)
    {
        if (path.Is("address"u8)) return info.UpstreamHost is { } host && Text(into, host);
        if (path.Is("port"u8)) return info.UpstreamRemoteAddress is { } remote && Number(into, remote.Port);
        if (path.Is("local_address"u8)) return info.UpstreamLocalAddress is { } local && EndPoint(into, local);
        if (path.Is("transport_failure_reason"u8)) return Text(into, info.UpstreamFailure ?? "");
        if (path.Is("cx_pool_ready_duration"u8))
            return info.UpstreamStart > 0 && info.UpstreamAsked > 0 && Number(into, (info.UpstreamStart - info.UpstreamAsked) * 1000);
        if (path.Is("locality"u8)) return info.UpstreamHost is not null; // an empty message: endpoints have no locality in this version
        if (path.Is("request_attempt_count"u8)) return Number(into, info.UpstreamAttempts);
        return info.UpstreamTls is { } tls && Tls(path, tls, into);
    }

    private static bool Xds(Path path, HttpStream stream, ByteWriter into)
    {
        var info = stream.Info;
        if (path.Is("cluster_name"u8)) return (info.UpstreamCluster ?? stream.Route?.ClusterName) is { } cluster && Text(into, cluster);
        if (path.Is("route_name"u8)) return stream.Route is { } route && Text(into, route.Name ?? "");
        if (path.Is("virtual_host_name"u8)) return stream.Route is { } host && Text(into, host.VirtualHostName ?? "");
        if (path.First("route_metadata"u8)) return FilterMetadata(path.From(1), stream.Route?.Metadata, into);
        if (path.First("virtual_host_metadata"u8)) return FilterMetadata(path.From(1), stream.Route?.VirtualHostMetadata, into);
        return (path.First("cluster_metadata"u8) || path.First("upstream_host_metadata"u8)
            || path.First("upstream_host_locality_metadata"u8)) && FilterMetadata(path.From(1), null, into);
    }

    private static Upstream.Cluster? Cluster(HttpStream stream)
        => stream.Info.UpstreamCluster is { } name && stream.Generation.Clusters.TryGetValue(name, out var cluster) ? cluster : null;

    // metadata.filter_metadata.NAMESPACE.KEY…
    private static bool FilterMetadata(Path path, IReadOnlyDictionary<string, ConfigObject>? metadata, ByteWriter into)
    {
        if (path.Length > 0 && path.First("filter_metadata"u8)) path = path.From(1);
        if (path.Length == 0)
            return Pairs(into, [.. (metadata ?? new Dictionary<string, ConfigObject>())
                .Select(m => (Encoding.UTF8.GetBytes(m.Key), Encoded(m.Value)))]);
        return metadata is not null && metadata.TryGetValue(path.TextOf(0), out var found) && Walk(path.From(1), found, into);
    }

    private static bool Metadata(Path path, StreamInfo info, ByteWriter into)
    {
        if (path.Length > 0 && path.First("filter_metadata"u8)) path = path.From(1);
        if (path.Length == 0)
            return Pairs(into, [.. (info.DynamicMetadata ?? []).Select(m => (Encoding.UTF8.GetBytes(m.Key), Encoded(m.Value)))]);
        return info.DynamicMetadata is { } all && all.TryGetValue(path.TextOf(0), out var values) && Walk(path.From(1), values, into);
    }

    private static bool FilterState(Path path, StreamInfo info, ByteWriter into)
    {
        if (path.Length == 0)
            return Pairs(into, [.. (info.FilterState ?? []).Select(s => (Encoding.UTF8.GetBytes(s.Key), Encoded(s.Value)))]);
        return info.FilterState is { } state && state.TryGetValue(path.JoinedFrom(0), out object? value) && Bytes(into, Encoded(value));
    }

    // What proxy_set_property has set, under the path it was set by.
    private static bool State(ReadOnlySpan<byte> path, StreamInfo info, ByteWriter into)
        => info.FilterState is { } state && state.TryGetValue(StateKey(path), out object? value) && Bytes(into, Encoded(value));

    private static bool Fields(Path path, HeaderMap headers, ByteWriter into)
    {
        if (path.Length == 0)
        {
            HeaderPairs.Write(headers, into);
            return true;
        }
        Span<byte> buffer = stackalloc byte[512];
        if (!path.TryFieldName(buffer, out var name)) return false;
        // One walk: a look-up of each would be as many.
        int cursor = 0;
        bool found = false;
        while (headers.Next(ref cursor, out ReadOnlySpan<byte> each, out var value))
        {
            if (!each.SequenceEqual(name)) continue;
            if (found) into.Write((byte)',');
            found = true;
            into.Write(value);
        }
        return found;
    }

    private static bool Walk(Path path, object? value, ByteWriter into)
    {
        for (int i = 0; i < path.Length; i++)
        {
            string segment = path.TextOf(i);
            switch (value)
            {
                case ConfigObject o when o.TryGet(segment, out var member): value = member; break;
                case ConfigArray a when int.TryParse(segment, out int index) && index >= 0 && index < a.Count:
                    value = a.ElementAt(index); break;
                case IReadOnlyDictionary<string, object?> map when map.TryGetValue(segment, out object? member): value = member; break;
                case IReadOnlyList<object?> list when int.TryParse(segment, out int index) && index >= 0 && index < list.Count:
                    value = list[index]; break;
                default: return false;
            }
        }
        return Bytes(into, Encoded(value));
    }

    private static byte[] Encoded(object? value)
    {
        switch (value)
        {
            case null: return [];
            case byte[] bytes: return bytes;
            case string text: return Encoding.UTF8.GetBytes(text);
            case bool truth: return [truth ? (byte)1 : (byte)0];
            case double number: return BitConverter.GetBytes(number);
            case long or int: return BitConverter.GetBytes(Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture));
            case ConfigScalar { IsNull: true }: return [];
            case ConfigScalar { Kind: ConfigScalarKind.Boolean } s: return [s.Text == "true" ? (byte)1 : (byte)0];
            // protobuf's Value has doubles
            case ConfigScalar { Kind: ConfigScalarKind.Number } s:
                return BitConverter.GetBytes(double.Parse(s.Text, System.Globalization.CultureInfo.InvariantCulture));
            case ConfigScalar s: return Encoding.UTF8.GetBytes(s.Text);
        }
        var into = new ByteWriter();
        switch (value)
        {
            case ConfigObject o: HeaderPairs.Write([.. o.Members.Select(m => (Encoding.UTF8.GetBytes(m.Key), Encoded(m.Value)))],
                into); break;
            case ConfigArray a: HeaderPairs.Write([.. a.Select((item, i) => (Encoding.UTF8.GetBytes($"{i}"), Encoded(item)))], into); break;
            case IReadOnlyDictionary<string, object?> map:
                HeaderPairs.Write([.. map.Select(m => (Encoding.UTF8.GetBytes(m.Key), Encoded(m.Value)))], into); break;
            case IReadOnlyList<object?> list:
                HeaderPairs.Write([.. list.Select((item, i) => (Encoding.UTF8.GetBytes($"{i}"), Encoded(item)))], into); break;
            default: into.Write(value.ToString() ?? ""); break;
        }
        return into.Written.ToArray();
    }

    private static bool Text(ByteWriter into, string text)
    {
        into.Write(text);
        return true;
    }

    private static bool Bytes(ByteWriter into, ReadOnlySpan<byte> bytes)
    {
        into.Write(bytes);
        return true;
    }

    private static bool Number(ByteWriter into, long number)
    {
        BinaryPrimitives.WriteInt64LittleEndian(into.GetSpan(8), number);
        into.Advance(8);
        return true;
    }

    private static bool Truth(ByteWriter into, bool truth)
    {
        into.Write(truth ? (byte)1 : (byte)0);
        return true;
    }

    private static bool Pairs(ByteWriter into, IReadOnlyList<(byte[], byte[])> pairs)
    {
        HeaderPairs.Write(pairs, into);
        return true;
    }

    private readonly ref struct Path(ReadOnlySpan<byte> text, ReadOnlySpan<Range> segments)
    {
        private readonly ReadOnlySpan<byte> _text = text;
        private readonly ReadOnlySpan<Range> _segments = segments;

        public int Length => _segments.Length;
        public bool Is(ReadOnlySpan<byte> only) => _segments.Length == 1 && _text[_segments[0]].SequenceEqual(only);
        public bool First(ReadOnlySpan<byte> name) => _segments.Length > 0 && _text[_segments[0]].SequenceEqual(name);
        public bool First(ReadOnlySpan<byte> name, ReadOnlySpan<byte> second)
            => _segments.Length > 1 && First(name) && _text[_segments[1]].SequenceEqual(second);
        public Path From(int index) => new(_text, _segments[index..]);
        public string TextOf(int index) => Encoding.UTF8.GetString(_text[_segments[index]]);
        /// <summary>The whole in lower case, with its dots: a header's name may have some.</summary>
        public bool TryFieldName(Span<byte> buffer, out ReadOnlySpan<byte> name)
        {
            var rest = _text[_segments[0].Start..];
            name = buffer[..Math.Min(rest.Length, buffer.Length)];
            if (rest.Length > buffer.Length) return false;
            System.Text.Ascii.ToLower(rest, buffer, out _);
            buffer[..rest.Length].Replace((byte)0, (byte)'.');
            return true;
        }

        /// <summary>The rest with its dots: a state's name may have some.</summary>
        public string JoinedFrom(int index) => Encoding.UTF8.GetString(_text[_segments[index].Start..]).Replace('\0', '.');
    }
}
