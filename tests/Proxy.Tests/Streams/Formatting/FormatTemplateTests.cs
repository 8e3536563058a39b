using System.Net;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.Formatting;
using Managed.Proxy.Streams.Formatting.Operators;
using Managed.Proxy.Tests.Http;
using Xunit;

namespace Managed.Proxy.Tests.Streams.Formatting;

public sealed class FormatTemplateTests
{
    // 2024-02-29 13:04:05.678901 UTC, a Thursday
    private const long Start = 1_709_211_845_678_901;

    internal static StreamInfo Info() => new()
    {
        RequestHeaders = Requests.Get("h.com", "/a/b?q=1&r=x%20y", "x-one: 1", "user-agent: curl", "x-envoy-original-path: /orig?o=1",
            "x-request-id: id-1"),
        ResponseHeaders = Requests.Fields("content-type: text/plain", "x-up: 7"),
        ResponseTrailers = Requests.Fields("x-t: trailer"),
        Protocol = HttpProtocol.Http11,
        UpstreamProtocol = HttpProtocol.Http2,
        StartTime = 1_000_000, RequestHeadersEnd = 1_000_500, RequestEnd = 1_002_000, UpstreamStart = 1_001_000,
        UpstreamFirstByte = 1_010_000, ResponseStart = 1_010_500, EndTime = 1_025_900,
        StartWallClock = Start,
        BytesReceived = 10, BytesSent = 20, WireBytesReceived = 110, WireBytesSent = 120, UpstreamWireBytesReceived = 130,
        UpstreamWireBytesSent = 140, RequestHeaderBytes = 50, ResponseHeaderBytes = 60,
        ResponseCode = 200, Flags = ResponseFlags.UpstreamConnectionFailure | ResponseFlags.DelayInjected, Details = "via_upstream",
        ConnectionTerminationDetails = "ctd", UpstreamFailure = "refused", ConnectionId = 5, StreamId = 6, UpstreamConnectionId = 7,
        UpstreamAttempts = 2,
        RemoteAddress = new(IPAddress.Parse("10.1.2.3"), 1234), DirectRemoteAddress = new(IPAddress.IPv6Loopback, 4321),
        LocalAddress = new(IPAddress.Loopback, 80),
        RequestedServerName = "sni.com", FilterChainName = "main", RouteName = "r", UpstreamCluster = "web", UpstreamHost = "10.9.9.9:81",
        UpstreamHostName = "up.local:81",
        UpstreamRemoteAddress = new(IPAddress.Parse("10.9.9.9"), 81), UpstreamLocalAddress = new(IPAddress.Parse("10.9.9.1"), 5555),
        LocalReplyBody = "body",
        DynamicMetadata = new() { ["ns"] = new() { ["text"] = "t",
            ["map"] = new Dictionary<string, object?> { ["n"] = 1.5, ["l"] = new List<object?> { 1L, true, null } } } },
        FilterState = new() { ["k"] = "state" },
    };

    [Theory]
    [InlineData("", "")]
    [InlineData("plain", "plain")]
    [InlineData("100%%", "100%")]
    [InlineData("%%REQ(x-one)%%", "%REQ(x-one)%")]
    [InlineData("a%REQ(x-one)%b", "a1b")]
    [InlineData("%REQ(X-One)%", "1")]
    [InlineData("%REQ(nope)%", "-")]
    [InlineData("%REQ(nope?x-one)%", "1")]
    [InlineData("%REQ(x-one?user-agent)%", "1")]
    [InlineData("%REQ(:METHOD)% %REQ(:PATH)%", "GET /a/b?q=1&r=x%20y")]
    [InlineData("%REQ(:PATH):4%", "/a/b")]
    [InlineData("%REQ(host)%", "h.com")]
    [InlineData("%REQUEST_HEADER(x-one)%", "1")]
    [InlineData("%RESP(x-up)% %RESPONSE_HEADER(x-up)%", "7 7")]
    [InlineData("%TRAILER(x-t)% %RESPONSE_TRAILER(x-t)%", "trailer trailer")]
    [InlineData("%REQ_WITHOUT_QUERY(x-envoy-original-path?:path)%", "/orig")]
    [InlineData("%REQ_WITHOUT_QUERY(nope?:path)%", "/a/b")]
    [InlineData("%PROTOCOL% %UPSTREAM_PROTOCOL%", "HTTP/1.1 HTTP/2")]
    [InlineData("%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%", "200 via_upstream")]
    [InlineData("%CONNECTION_TERMINATION_DETAILS%", "ctd")]
    [InlineData("%BYTES_RECEIVED% %BYTES_SENT%", "10 20")]
    [InlineData("%DOWNSTREAM_WIRE_BYTES_RECEIVED% %DOWNSTREAM_WIRE_BYTES_SENT%", "110 120")]
    [InlineData("%UPSTREAM_WIRE_BYTES_RECEIVED% %UPSTREAM_WIRE_BYTES_SENT%", "130 140")]
    [InlineData("%REQUEST_HEADERS_BYTES% %RESPONSE_HEADERS_BYTES%", "50 60")]
    [InlineData("%DURATION% %REQUEST_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION%", "25 2 10 15")]
    [InlineData("%COMMON_DURATION(DS_RX_BEG:US_RX_BEG:us)%", "10000")]
    [InlineData("%COMMON_DURATION(DS_RX_BEG:DS_TX_END:ns)%", "25900000")]
    [InlineData("%RESPONSE_FLAGS%", "UF,DI")]
    [InlineData("%RESPONSE_FLAGS_LONG%", "UpstreamConnectionFailure,DelayInjected")]
    [InlineData("%ROUTE_NAME% %UPSTREAM_CLUSTER% %UPSTREAM_CLUSTER_RAW% %UPSTREAM_HOST% %UPSTREAM_HOST_NAME%",
        "r web web 10.9.9.9:81 up.local:81")]
    [InlineData("%UPSTREAM_LOCAL_ADDRESS% %UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %UPSTREAM_LOCAL_PORT%", "10.9.9.1:5555 10.9.9.1 5555")]
    [InlineData("%UPSTREAM_REMOTE_ADDRESS% %UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %UPSTREAM_REMOTE_PORT%", "10.9.9.9:81 10.9.9.9 81")]
    [InlineData("%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_PORT%",
        "10.1.2.3:1234 10.1.2.3 1234")]
    [InlineData("%DOWNSTREAM_DIRECT_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", "[::1]:4321 ::1")]
    [InlineData("%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_PORT%", "127.0.0.1:80 127.0.0.1 80")]
    [InlineData("%UPSTREAM_TRANSPORT_FAILURE_REASON% %UPSTREAM_REQUEST_ATTEMPT_COUNT%", "refused 2")]
    [InlineData("%CONNECTION_ID% %UPSTREAM_CONNECTION_ID% %STREAM_ID%", "5 7 id-1")]
    [InlineData("%REQUESTED_SERVER_NAME% %FILTER_CHAIN_NAME%", "sni.com main")]
    [InlineData("%LOCAL_REPLY_BODY% %ACCESS_LOG_TYPE%", "body DownstreamEnd")]
    [InlineData("%QUERY_PARAM(q)% %QUERY_PARAM(r)% %QUERY_PARAM(z)%", "1 x y -")]
    [InlineData("%PATH% %PATH(NQ)% %PATH(WQ:PATH)% %PATH(NQ:PATH)% %PATH(NQ:ORIG)%", "/orig?o=1 /orig /a/b?q=1&r=x%20y /a/b /orig")]
    [InlineData("%DYNAMIC_METADATA(ns:text)% %DYNAMIC_METADATA(ns:map:n)% %DYNAMIC_METADATA(ns:none)% %DYNAMIC_METADATA(none)%",
        "t 1.5 - -")]
    [InlineData("%DYNAMIC_METADATA([\"ns\", \"text\"])% %DYNAMIC_METADATA([\"ns\",\n \"map\", \"n\"])%", "t 1.5")]
    [InlineData("%FILTER_STATE(k:PLAIN)% %FILTER_STATE(z:PLAIN)%", "state -")]
    [InlineData("%GRPC_STATUS% %GRPC_STATUS_NUMBER%", "- -")]
    [InlineData("%START_TIME%", "2024-02-29T13:04:05.678Z")]
    [InlineData("%START_TIME(%Y/%m/%dT%H:%M:%S%z %s)%", "2024/02/29T13:04:05+0000 1709211845")]
    [InlineData("%START_TIME(%s.%3f %s.%6f %s.%9f)%", "1709211845.678 1709211845.678901 1709211845.678901000")]
    [InlineData("%START_TIME(%f|%1f|%E3S|%Ez)%", "678901000|6|05.678|+00:00")]
    [InlineData("%START_TIME(%a %A %b %B %d %e %j %y %C)%", "Thu Thursday Feb February 29 29 060 24 20")]
    [InlineData("%START_TIME(%F %T %R %D %I %p %u %w %Z %%)%", "2024-02-29 13:04:05 13:04 02/29/24 01 PM 4 4 UTC %")]
    [InlineData("%EMIT_TIME%", "2024-02-29T13:04:05.704Z")]
    public void Operator_WritesItsValue(string format, string expected) => Assert.Equal(expected, Write(format, Info()));

    [Fact]
    public void HostAndEnvironment_AreConstant()
    {
        Assert.Equal(Environment.MachineName, Write("%HOSTNAME%", Info()));
        Assert.Equal(Environment.GetEnvironmentVariable("PATH"), Write("%ENVIRONMENT(PATH)%", Info(), FormatUse.Body));
        Assert.Equal("-", Write("%ENVIRONMENT(NO_SUCH_VARIABLE)%", Info()));
    }

    [Fact]
    public void UniqueId_IsNewEachTime()
    {
        string ids = Write("%UNIQUE_ID% %UNIQUE_ID%", Info());
        Assert.Equal(2, ids.Split(' ').Select(Guid.Parse).Distinct().Count());
    }

    [Fact]
    public void UnsetInfo_PrintsDashesAndZeros()
        => Assert.Equal("- - 0 0 - - - - - - - -", Write(
            "%START_TIME% %DURATION% %RESPONSE_CODE% %BYTES_SENT% %RESPONSE_FLAGS% %ROUTE_NAME% %UPSTREAM_HOST% %REQ(x)% "
                + "%DOWNSTREAM_REMOTE_ADDRESS% %PROTOCOL% %STREAM_ID% %PATH%", new StreamInfo()));

    [Theory]
    [InlineData("grpc-status: 5", 200, "NotFound NOT_FOUND 5")]
    [InlineData("grpc-status: 99", 200, "99 99 99")]
    [InlineData("x: y", 503, "Unavailable UNAVAILABLE 14")]
    public void GrpcStatus_ComesFromTrailersElseFromTheCode(string trailer, int code, string expected)
    {
        var info = new StreamInfo { RequestHeaders = Requests.Get("h", "/", "content-type: application/grpc+proto"),
            ResponseTrailers = Requests.Fields(trailer), ResponseCode = code };
        Assert.Equal(expected, Write("%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS_NUMBER%", info));
    }

    [Fact]
    public void HeaderUse_OmitsUnsetValues()
        => Assert.Equal("ab", Write("a%REQ(nope)%b", Info(), FormatUse.Header));

    [Theory]
    [InlineData("a\"b", "a\\\"b")]
    [InlineData("a\\b", "a\\\\b")]
    [InlineData("a\r\nGET /evil", "a\\r\\nGET /evil")]
    [InlineData("\t\u0001\u007f", "\\t\\x01\\x7f")]
    [InlineData("caf\u00e9 \u65e5", "caf\u00e9 \u65e5")]
    [InlineData("\u0085|\u2028|\u2029", "\\xc2\\x85|\\xe2\\x80\\xa8|\\xe2\\x80\\xa9")]
    [InlineData("\u001b[31m", "\\x1b[31m")]
    public void LogUse_EscapesValuesToOneLine(string value, string expected)
        => Assert.Equal("[" + expected + "]", Write("[%UPSTREAM_TRANSPORT_FAILURE_REASON%]", new StreamInfo { UpstreamFailure = value }));

    [Fact]
    public void BrokenUtf8_IsEscapedByteByByte()
    {
        var headers = new HeaderMap();
        headers.Add("x"u8, [(byte)'a', 0xFF, 0xC3, (byte)'b']);
        Assert.Equal("a\\xff\\xc3b", Write("%REQ(x)%", new StreamInfo { RequestHeaders = headers }));
    }

    [Fact]
    public void LiteralsOfTheFormat_AreNotEscaped() => Assert.Equal("\"1\"\t\n", Write("\"%REQ(x-one)%\"\t\n", Info()));

    [Theory]
    [InlineData("%", "broken format operator at character 1", null)]
    [InlineData("ab%REQ(x%", "at character 3", null)]
    [InlineData("%req(x)%", "broken", null)]
    [InlineData("50% off", "broken", "%%")]
    [InlineData("%REQ(x):0%", "broken", null)]
    [InlineData("%REQ%", "needs an argument", null)]
    [InlineData("%REQ()%", "needs an argument", null)]
    [InlineData("%REQ(a?b?c)%", "needs a header name", null)]
    [InlineData("%DURATION(x)%", "takes no argument", null)]
    [InlineData("%DURATION:3%", "takes no maximal length", null)]
    [InlineData("%START_TIME(%Q)%", "%Q is not a time specifier", null)]
    [InlineData("%PATH(XX)%", "PATH", null)]
    [InlineData("%RESPONSE_COD%", "unknown format operator %RESPONSE_COD%", "did you mean 'RESPONSE_CODE'?")]
    [InlineData("%TRACE_ID%", "not available", null)]
    [InlineData("%ROUNDTRIP_DURATION%", "not available", null)]
    [InlineData("%FILTER_STATE(k)%", "plain form", null)]
    public void WrongFormat_IsAnError(string format, string detail, string? hint)
    {
        var errors = new ConfigErrors();
        Assert.Null(FormatTemplate.Compile(format, errors, null));
        var error = Assert.Single(errors.Errors);
        Assert.Contains(detail, error.Detail);
        if (hint is not null) Assert.Contains(hint, error.Hint);
    }

    [Fact]
    public void DefaultLine_AllocatesNothing()
    {
        var format = Managed.Proxy.Streams.AccessLog.LogFormat.Compile(null, null, new ConfigErrors(), null)!;
        var writer = new ByteWriter();
        var info = Info();
        for (int i = 0; i < 100; i++) { writer.Clear(); format.Write(writer, info); }
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) { writer.Clear(); format.Write(writer, info); }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(
            "[2024-02-29T13:04:05.678Z] \"GET /orig?o=1 HTTP/1.1\" 200 UF,DI 10 20 25 - \"-\" \"curl\" \"id-1\" \"h.com\" "
                + "\"10.9.9.9:81\"\n", writer.Text());
    }

    private static string Write(string format, StreamInfo info, FormatUse use = FormatUse.Log)
    {
        var errors = new ConfigErrors();
        var template = FormatTemplate.Compile(format, errors, null, use);
        Assert.Empty(errors.Errors);
        var writer = new ByteWriter();
        template!.Write(writer, info);
        return writer.Text();
    }
}
