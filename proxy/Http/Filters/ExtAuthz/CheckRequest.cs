using System.Globalization;
using System.Net;
using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.ExtAuthz;

/// <summary>Writes envoy.service.auth.v3.CheckRequest.</summary>
internal static class CheckRequest
{
    public static void Write(ByteWriter to, HttpStream stream, AuthzSettings settings, AuthzRoute route, AuthzBuffer? buffer,
        ReadOnlySpan<byte> body, bool isPartial)
    {
        var info = stream.Info;
        var headers = stream.RequestHeaders;
        int attributes = ProtoWriter.Begin(to, 1);
        headers.TryGet("x-envoy-downstream-service-cluster"u8, out var service);
        Peers(to, info, service, settings.Config.IncludePeerCertificate);
        int request = ProtoWriter.Begin(to, 4);
        Time(to, info);
        int http = ProtoWriter.Begin(to, 2);
        Http(to, stream, settings, buffer, body, isPartial);
        ProtoWriter.End(to, http);
        ProtoWriter.End(to, request);
        foreach (var (name, value) in route.Extensions)
        {
            int entry = ProtoWriter.Begin(to, 10);
            ProtoWriter.Field(to, 1, name);
            ProtoWriter.Field(to, 2, value);
            ProtoWriter.End(to, entry);
        }
        int metadata = ProtoWriter.Begin(to, 11);
        foreach (string space in settings.Config.MetadataContextNamespaces)
            if (info.DynamicMetadata?.GetValueOrDefault(space) is { } values)
            {
                int entry = ProtoWriter.Begin(to, 1);
                ProtoWriter.Field(to, 1, space);
                int value = ProtoWriter.Begin(to, 2);
                ProtoValue.WriteStruct(to, values);
                ProtoWriter.End(to, value);
                ProtoWriter.End(to, entry);
            }
        ProtoWriter.End(to, metadata);
        if (settings.Config.IncludeTlsSession && info.RequestedServerName is { Length: > 0 } name2)
        {
            int session = ProtoWriter.Begin(to, 12);
            ProtoWriter.Field(to, 1, name2);
            ProtoWriter.End(to, session);
        }
        ProtoWriter.End(to, attributes);
    }

    /// <summary>A CheckRequest about a connection, which is no request yet.</summary>
    public static void WriteConnection(ByteWriter to, StreamInfo info, bool certificate, bool tlsSession)
    {
        int attributes = ProtoWriter.Begin(to, 1);
        Peers(to, info, default, certificate);
        int request = ProtoWriter.Begin(to, 4);
        Time(to, info);
        ProtoWriter.End(to, request);
        if (tlsSession && info.RequestedServerName is { Length: > 0 } name)
        {
            int session = ProtoWriter.Begin(to, 12);
            ProtoWriter.Field(to, 1, name);
            ProtoWriter.End(to, session);
        }
        ProtoWriter.End(to, attributes);
    }

    private static void Peers(ByteWriter to, StreamInfo info, ReadOnlySpan<byte> service, bool certificate)
    {
        int source = ProtoWriter.Begin(to, 1);
        var client = info.DownstreamTls?.Peer;
        Address(to, info.RemoteAddress);
        ProtoWriter.Field(to, 2, Text(service));
        ProtoWriter.Field(to, 4, Principal(client));
        if (certificate && client is not null) ProtoWriter.Field(to, 5, Uri.EscapeDataString(client.Pem));
        ProtoWriter.End(to, source);
        int destination = ProtoWriter.Begin(to, 2);
        Address(to, info.LocalAddress);
        ProtoWriter.Field(to, 4, Principal(info.DownstreamTls?.Local?.Leaf));
        ProtoWriter.End(to, destination);
    }

    private static void Time(ByteWriter to, StreamInfo info)
    {
        int time = ProtoWriter.Begin(to, 1);
        ProtoWriter.Number(to, 1, (ulong)(info.StartWallClock / 1_000_000));
        ProtoWriter.Number(to, 2, (ulong)(info.StartWallClock % 1_000_000 * 1000));
        ProtoWriter.End(to, time);
    }

    private static void Http(ByteWriter to, HttpStream stream, AuthzSettings settings, AuthzBuffer? buffer, ReadOnlySpan<byte> body,
        bool isPartial)
    {
        var headers = stream.RequestHeaders;
        ProtoWriter.Field(to, 1, stream.Info.StreamId.ToString(CultureInfo.InvariantCulture));
        ProtoWriter.Field(to, 2, headers.Get(HeaderId.Method));
        bool raw = settings.Config.EncodeRawHeaders;
        int map = raw ? ProtoWriter.Begin(to, 13) : 0;
        int cursor = 0;
        while (headers.Next(ref cursor, out ReadOnlySpan<byte> name, out var value))
        {
            if (!settings.Sends(name)) continue;
            if (raw)
            {
                int field = ProtoWriter.Begin(to, 1);
                ProtoWriter.Field(to, 1, name);
                ProtoWriter.Field(to, 3, value);
                ProtoWriter.End(to, field);
                continue;
            }
            // A map has a name once: what several fields say stands in the entry of the first.
            if (!IsFirst(headers, name, value)) continue;
            int entry = ProtoWriter.Begin(to, 3);
            ProtoWriter.Field(to, 1, name);
            ProtoWriter.Field(to, 2, headers.TryGetAt(name, 1, out _) ? Joined(headers, name) : Text(value));
            ProtoWriter.End(to, entry);
        }
        if (buffer is not null)
        {
            int entry = ProtoWriter.Begin(to, raw ? 1 : 3);
            ProtoWriter.Field(to, 1, "x-envoy-auth-partial-body"u8);
            ProtoWriter.Field(to, raw ? 3 : 2, isPartial ? "true"u8 : "false"u8);
            ProtoWriter.End(to, entry);
        }
        if (raw) ProtoWriter.End(to, map);
        ProtoWriter.Field(to, 4, Text(headers.Get(HeaderId.Path)));
        ProtoWriter.Field(to, 5, Text(headers.Get(HeaderId.Authority)));
        ProtoWriter.Field(to, 6, headers.Get(HeaderId.Scheme));
        ProtoWriter.Number(to, 9, (ulong)Math.Max(stream.Info.BytesReceived, body.Length));
        ProtoWriter.Field(to, 10, stream.Info.Protocol switch { HttpProtocol.Http2 => "HTTP/2"u8, HttpProtocol.Http10 => "HTTP/1.0"u8,
            _ => "HTTP/1.1"u8 });
        if (buffer is null) return;
        if (buffer.PackAsBytes) ProtoWriter.Field(to, 12, body); else ProtoWriter.Field(to, 11, Text(body));
    }

    private static bool IsFirst(HeaderMap headers, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
        => headers.TryGetAt(name, 0, out var first) && System.Runtime.CompilerServices.Unsafe.AreSame(
            ref System.Runtime.InteropServices.MemoryMarshal.GetReference(first),
            ref System.Runtime.InteropServices.MemoryMarshal.GetReference(value));

    /// <summary>All values of a name behind each other, with commas between them.</summary>
    public static byte[] Joined(HeaderMap headers, ReadOnlySpan<byte> name)
    {
        var all = new ByteWriter(64);
        bool cookie = name.SequenceEqual("cookie"u8);
        for (int i = 0; headers.TryGetAt(name, i, out var value); i++)
        {
            if (i > 0) all.Write(cookie ? "; "u8 : ","u8);
            all.Write(value);
        }
        return Text(all.Written).ToArray();
    }

    // A text of this format is UTF-8, and readers are strict about it.
    private static ReadOnlySpan<byte> Text(ReadOnlySpan<byte> bytes)
        => Ascii.IsValid(bytes) || System.Text.Unicode.Utf8.IsValid(bytes) ? bytes : Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes));

    private static void Address(ByteWriter to, IPEndPoint? address)
    {
        if (address is null) return;
        int outer = ProtoWriter.Begin(to, 1);
        int inner = ProtoWriter.Begin(to, 1);
        ProtoWriter.Field(to, 2, address.Address.ToString());
        ProtoWriter.Number(to, 3, (ulong)address.Port);
        ProtoWriter.End(to, inner);
        ProtoWriter.End(to, outer);
    }

    private static string Principal(PeerCertificate? certificate) => certificate is null ? ""
        : certificate.Names(SanType.Uri).FirstOrDefault() ?? certificate.Names(SanType.Dns).FirstOrDefault() ?? certificate.Subject;
}
