using System.Numerics;
using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.Formatting.Operators;

namespace Managed.Proxy.Http.LocalReply;

/// <summary>
/// Tells the client why a response is an error of the proxy's or of what is behind it (RFC 9209):
/// <c>proxy-status: NAME; error=TYPE; details="DETAILS; FLAGS"</c>. Responses that are none have no such field of ours.
/// </summary>
internal sealed class ProxyStatusHeader
{
    private static readonly (ResponseFlags Flags, string Error, int Status)[] Errors =
    [
        (ResponseFlags.DnsResolutionFailed, "dns_error", 502),
        (ResponseFlags.NoHealthyUpstream, "destination_unavailable", 503),
        (ResponseFlags.NoRouteFound | ResponseFlags.NoClusterFound, "destination_not_found", 500),
        (ResponseFlags.UpstreamConnectionFailure, "connection_refused", 502),
        (ResponseFlags.UpstreamProtocolError, "http_protocol_error", 502),
        (ResponseFlags.UpstreamRequestTimeout | ResponseFlags.StreamIdleTimeout | ResponseFlags.UpstreamMaxStreamDurationReached
            | ResponseFlags.DurationTimeout, "http_response_timeout", 504),
        (ResponseFlags.UpstreamConnectionTermination | ResponseFlags.UpstreamRemoteReset, "connection_terminated", 502),
        (ResponseFlags.UpstreamOverflow | ResponseFlags.RateLimited | ResponseFlags.OverloadManagerTerminated,
            "connection_limit_reached", 503),
        (ResponseFlags.UnauthorizedExternalService, "http_request_denied", 403),
        (ResponseFlags.DownstreamProtocolError, "http_request_error", 0), // whatever status says best why
        (ResponseFlags.LocalReset | ResponseFlags.FaultInjected, "proxy_internal_error", 500),
    ];

    private readonly byte[] _name;

    /// <param name="name">Of the proxy.</param>
    public ProxyStatusHeader(string name)
    {
        // A token as it is, anything else as a string (RFC 8941 section 3.3).
        byte[] bytes = Encoding.ASCII.GetBytes(name);
        bool token = bytes.Length > 0 && (char.IsAsciiLetter((char)bytes[0]) || bytes[0] == '*') && FieldSyntax.IsToken(bytes);
        var text = new ByteWriter(64);
        if (token) text.Write(bytes); else Quote(text, bytes);
        _name = text.Written.ToArray();
    }

    public bool TellsDetails { get; init; } = true;
    public bool TellsTermination { get; init; } = true;
    public bool TellsFlags { get; init; } = true;
    /// <summary>Replies of our own get the status that the RFC has for their error.</summary>
    public bool SetsStatus { get; init; }

    /// <summary>The status that goes with the error; as it is where there is none.</summary>
    public int StatusOf(StreamInfo info, int status) => SetsStatus && Find(info.Flags) is { Status: > 0 and var own } ? own : status;

    /// <summary>Adds itself to what proxies behind have said.</summary>
    public void Apply(HeaderMap headers, StreamInfo info, ByteWriter scratch)
    {
        if (info.Flags == ResponseFlags.None || Find(info.Flags) is not { Error: { } error }) return;
        scratch.Clear();
        for (int i = 0; headers.TryGetAt("proxy-status"u8, i, out var before); i++)
        {
            scratch.Write(before);
            scratch.Write(", "u8);
        }
        scratch.Write(_name);
        scratch.Write("; error="u8);
        scratch.Write(error);
        Details(scratch, info);
        headers.Set("proxy-status"u8, scratch.Written);
    }

    private void Details(ByteWriter to, StreamInfo info)
    {
        var text = new StringBuilder();
        if (TellsDetails) text.Append(info.Details);
        if (TellsTermination && info.ConnectionTerminationDetails is { Length: > 0 } why)
            text.Append(text.Length > 0 ? "; " : "").Append(why);
        if (TellsFlags)
            for (uint flags = (uint)info.Flags, first = 1; flags != 0; flags &= flags - 1, first = 0)
                text.Append(first == 0 ? "," : text.Length > 0 ? "; " : "")
                    .Append(Encoding.ASCII.GetString(ResponseFlagNames.Short[BitOperations.TrailingZeroCount(flags)]));
        if (text.Length == 0) return;
        to.Write("; details="u8);
        Quote(to, Encoding.UTF8.GetBytes(text.ToString()));
    }

    private static (string? Error, int Status) Find(ResponseFlags flags)
    {
        foreach (var (any, error, status) in Errors)
            if ((flags & any) != 0) return (error, status);
        return default;
    }

    // Printable ASCII alone (RFC 8941 section 3.3.3).
    private static void Quote(ByteWriter to, ReadOnlySpan<byte> text)
    {
        to.Write((byte)'"');
        foreach (byte b in text)
        {
            if (b is (byte)'"' or (byte)'\\') to.Write((byte)'\\');
            to.Write(b is >= 0x20 and < 0x7F ? b : (byte)'?');
        }
        to.Write((byte)'"');
    }
}
