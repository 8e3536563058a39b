using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Codecs.Http2.Hpack;
using Managed.Proxy.Http.Codecs.Http2.Messages;
using Managed.Proxy.Http.Headers;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Codecs.Http2;

/// <summary>
/// Heads that a server of HTTP/1 behind us could read as something else than we do, and others that are no messages (RFC 9113 sections 8
/// and 10.3). Four fields stand before each unless it brings its own of that name; <c>-:name</c> leaves one out.
/// </summary>
public sealed class DowngradeTests
{
    private static readonly string[] Usual = [":method: POST", ":scheme: http", ":authority: example.test", ":path: /"];

    private static readonly (string Name, string[] Fields)[] Malformed =
    [
        ("LF in a value", ["x: a\nb: c"]),
        ("CR in a value", ["x: a\rb"]),
        ("CRLF and a header in a value", ["x: a\r\ntransfer-encoding: chunked"]),
        ("CRLF and a request in a value", ["x: a\r\n\r\nGET /admin HTTP/1.1\r\nhost: b"]),
        ("NUL in a value", ["x: a\0b"]),
        ("DEL in a value", ["x: a\u007f"]),
        ("an escape in a value", ["x: a\u001b[2J"]),
        ("a value that begins with a space", ["x:  a"]),
        ("a value that ends with a space", ["x: a "]),
        ("a value that begins with a tab", ["x: \ta"]),
        ("LF in a name", ["x\ny: a"]),
        ("CR in a name", ["x\r: a"]),
        ("a colon in a name", ["x:y: a"]),
        ("a colon and a value in a name", ["transfer-encoding: chunked\r\nx: a"]),
        ("a space in a name", ["x y: a"]),
        ("a space behind a name", ["transfer-encoding : chunked"]),
        ("a capital in a name", ["X-Upper: a"]),
        ("capitals in a framing name", ["Content-Length: 5"]),
        ("NUL in a name", ["x\0: a"]),
        ("a byte beyond ASCII in a name", ["x\u00e9: a"]),
        ("an empty name", [": a"]),
        ("transfer-encoding: chunked", ["transfer-encoding: chunked"]),
        ("transfer-encoding: identity", ["transfer-encoding: identity"]),
        ("transfer_encoding", ["transfer_encoding: chunked"]),
        ("content_length", ["content_length: 5"]),
        ("transfer.encoding", ["transfer.encoding: chunked"]),
        ("connection: close", ["connection: close"]),
        ("connection that names a field", ["connection: x-forwarded-for"]),
        ("keep-alive", ["keep-alive: timeout=5"]),
        ("proxy-connection", ["proxy-connection: keep-alive"]),
        ("upgrade", ["upgrade: websocket"]),
        ("te: gzip", ["te: gzip"]),
        ("te: trailers and more", ["te: trailers, chunked"]),
        ("content-length twice, alike", ["content-length: 5", "content-length: 5"]),
        ("content-length twice, different", ["content-length: 5", "content-length: 6"]),
        ("content-length with a list", ["content-length: 5, 5"]),
        ("content-length with a sign", ["content-length: +5"]),
        ("content-length below nothing", ["content-length: -1"]),
        ("content-length in hexadecimal", ["content-length: 0x5"]),
        ("content-length, empty", ["content-length: "]),
        ("content-length beyond any", ["content-length: 18446744073709551621"]),
        ("no method", ["-:method"]),
        ("no scheme", ["-:scheme"]),
        ("no path", ["-:path"]),
        ("no authority", ["-:authority"]),
        ("two methods", [":method: GET", ":method: POST"]),
        ("two paths", [":path: /", ":path: /admin"]),
        ("two schemes", [":scheme: http", ":scheme: https"]),
        ("two authorities", [":authority: a", ":authority: b"]),
        ("a pseudo-header behind a field", ["-:path", "x: a", ":path: /"]),
        ("an unknown pseudo-header", [":foo: bar"]),
        ("the pseudo-header of responses", [":status: 200"]),
        ("an upper-case pseudo-header", ["-:path", ":Path: /"]),
        ("a method with a space", [":method: GET /admin"]),
        ("a method with CRLF", [":method: GET / HTTP/1.1\r\nx: y"]),
        ("an empty method", [":method: "]),
        ("a method with a colon", [":method: GE:T"]),
        ("a path with a space", [":path: / HTTP/1.1"]),
        ("a path with CRLF", [":path: / HTTP/1.1\r\nhost: evil\r\n\r\n"]),
        ("a path with a tab", [":path: /\ta"]),
        ("a path with NUL", [":path: /\0"]),
        ("a path with a byte beyond ASCII", [":path: /\u00e9"]),
        ("a path with a fragment", [":path: /#a"]),
        ("an empty path", [":path: "]),
        ("a path that does not begin with a slash", [":path: admin"]),
        ("an absolute path", [":path: http://evil.test/"]),
        ("an asterisk without OPTIONS", [":path: *"]),
        ("a scheme with a slash", [":scheme: http://a/"]),
        ("a scheme of another kind", [":scheme: file"]),
        ("a scheme with CRLF", [":scheme: http\r\nx: y"]),
        ("an empty authority", [":authority: "]),
        ("an authority with user information", [":authority: user@example.test"]),
        ("an authority with a path", [":authority: example.test/admin"]),
        ("an authority with a space", [":authority: a b"]),
        ("an authority with a comma", [":authority: a,b"]),
        ("an authority with a bad port", [":authority: a:99999"]),
        ("an authority with CRLF", [":authority: a\r\nx: y"]),
        ("host unlike the authority", ["host: other.test"]),
        ("host twice", ["host: example.test", "host: example.test"]),
        ("host that is none", ["-:authority", "host: a/b"]),
        (":protocol that was not offered", [":method: CONNECT", ":protocol: websocket"]),
        (":protocol without CONNECT", [":protocol: websocket"]),
    ];

    private static readonly (string Name, int Status, string[] Fields)[] Refused =
    [
        ("CONNECT", 405, [":method: CONNECT", "-:scheme", "-:path"]),
        ("TRACE", 405, [":method: TRACE"]),
        ("https without TLS", 400, [":scheme: https"]),
        ("an expectation that nobody knows", 417, ["expect: tea"]),
        ("a head too large", 431, ["x: " + new string('a', 61 * 1024)]),
        ("fields too many", 431, [.. Enumerable.Range(0, 101).Select(i => $"x: {i}")]),
    ];

    public static TheoryData<string> MalformedNames => [.. Malformed.Select(c => c.Name)];
    public static TheoryData<string> RefusedNames => [.. Refused.Select(c => c.Name)];

    [Theory, MemberData(nameof(MalformedNames))]
    public void WhatIsNoRequest_IsMalformed(string name)
    {
        var (verdict, _, headers) = Read(Malformed.Single(c => c.Name == name).Fields);
        Assert.True(verdict == MessageVerdict.Malformed, $"{name}: {verdict}, {headers}");
    }

    [Theory, MemberData(nameof(RefusedNames))]
    public void WhatIsNotServed_IsRefused(string name)
    {
        var (_, status, fields) = Refused.Single(c => c.Name == name);
        var (verdict, reader, headers) = Read(fields);
        Assert.Equal((MessageVerdict.Refused, status), (verdict, reader.ErrorStatus));
        Assert.True(headers.ByteSize <= 60 * 1024);
    }

    [Theory]
    [InlineData("host like the authority", "-", "host: EXAMPLE.test", "|")]
    [InlineData("host alone", "-:authority", "host: a.test:81", ":authority: a.test:81|")]
    [InlineData("te: trailers", "-", "te: trailers", "te: trailers|")]
    [InlineData("a tab within a value", "-", "x: a\tb", "x: a\tb|")]
    [InlineData("an empty value", "-", "x: ", "x: |")]
    [InlineData("bytes beyond ASCII in a value", "-", "x: \u00e9", "x: \u00e9|")]
    [InlineData("HTTP2-Settings", "-", "http2-settings: AAMAAABk", "|")]
    public void WhatIsRight_IsRead(string name, string without, string field, string expected)
    {
        var (verdict, _, headers) = Read([without, field]);
        Assert.Equal(MessageVerdict.Good, verdict);
        string[] usual = [.. Usual.Where(u => !u.StartsWith(without[1..] + ":", StringComparison.Ordinal) || without == "-")];
        Assert.True(headers.ToString().ReplaceLineEndings("|")
            .Replace(string.Join("|", usual) + "|", "", StringComparison.Ordinal) == expected.TrimStart('|'), $"{name}: {headers}");
    }

    [Fact]
    public void PiecesOfACookie_AreOne()
    {
        var (_, _, headers) = Read(["cookie: a=1", "x: y", "cookie: b=2; c=3", "cookie: d=4"]);
        Assert.Equal("a=1; b=2; c=3; d=4", headers.GetString("cookie"));
        Assert.Equal(1, headers.CountOf("cookie"u8));
    }

    [Fact]
    public void ExtendedConnect_BecomesAnUpgrade()
    {
        var reader = new RequestReader(new HpackDecoder(HpackCodecPool()), HpackCodecPool()) { AllowsExtendedConnect = true };
        var headers = new HeaderMap();
        byte[] block = Http2Script.Block(":method: CONNECT", ":protocol: websocket", ":scheme: http", ":authority: a", ":path: /chat",
            "sec-websocket-version: 13");
        Assert.Equal(MessageVerdict.Good, reader.Read(block, headers, ended: false));
        Assert.True(reader.AsksUpgrade);
        Assert.Equal(("GET", "websocket", "/chat", null),
            (headers.GetString(":method"), headers.GetString("upgrade"), headers.GetString(":path"), headers.GetString(":protocol")));
    }

    // A head that was refused or malformed leaves the tables in step: the next one refers to them.
    [Theory]
    [InlineData("x: a\nb")]
    [InlineData(":unknown: a")]
    public void AfterAMalformedHead_TheNextIsRead(string wrong)
    {
        var pool = HpackCodecPool();
        var encoder = new HpackEncoder(pool);
        var reader = new RequestReader(new HpackDecoder(pool), pool);
        var headers = new HeaderMap();
        Assert.Equal(MessageVerdict.Malformed, reader.Read(Hpack.HpackCodec.Encode(encoder, [.. Usual, wrong, "x-app: one"]), headers,
            ended: true));
        Assert.Equal(MessageVerdict.Good, reader.Read(Hpack.HpackCodec.Encode(encoder, [.. Usual, "x-app: one"]), headers, ended: true));
        Assert.Equal("one", headers.GetString("x-app"));
    }

    [Theory]
    [InlineData("x: y", true, "x: y\n")]
    [InlineData("grpc-status: 0", true, "grpc-status: 0\n")]
    [InlineData("content-length: 5", true, "")]
    [InlineData("transfer-encoding: chunked", true, "")]
    [InlineData("x-forwarded-for: 1.2.3.4", true, "")]
    [InlineData("authorization: a", true, "")]
    [InlineData(":path: /", false, "")]
    [InlineData("X: y", false, "")]
    [InlineData("x: y\r\nz: a", false, "")]
    public void Trailers_LetInWhatMayTrail(string field, bool good, string expected)
    {
        var reader = new RequestReader(new HpackDecoder(HpackCodecPool()), HpackCodecPool());
        var trailers = new HeaderMap();
        Assert.Equal(good ? MessageVerdict.Good : MessageVerdict.Malformed, reader.ReadTrailers(Http2Script.Block(field), trailers));
        Assert.Equal(expected, trailers.ToString());
    }

    [Theory]
    [InlineData(":status: 200|x: y", MessageVerdict.Good)]
    [InlineData(":status: 103|link: a", MessageVerdict.Malformed)] // with an end
    [InlineData(":status: 101", MessageVerdict.Malformed)]
    [InlineData(":status: 20", MessageVerdict.Malformed)]
    [InlineData(":status: 099", MessageVerdict.Malformed)]
    [InlineData(":status: 2oo", MessageVerdict.Malformed)]
    [InlineData(":status: 200|:status: 200", MessageVerdict.Malformed)]
    [InlineData("x: y", MessageVerdict.Malformed)]
    [InlineData(":status: 200|:path: /", MessageVerdict.Malformed)]
    [InlineData(":status: 200|connection: close", MessageVerdict.Malformed)]
    [InlineData(":status: 200|transfer-encoding: chunked", MessageVerdict.Malformed)]
    [InlineData(":status: 200|x: a\r\nset-cookie: b=c", MessageVerdict.Malformed)]
    [InlineData(":status: 200|content-length: 1|content-length: 2", MessageVerdict.Malformed)]
    public void Responses_AreHeldToTheSameRules(string fields, object verdict)
    {
        var reader = new ResponseReader(new HpackDecoder(HpackCodecPool()), HpackCodecPool());
        Assert.Equal(verdict, reader.Read(Http2Script.Block(fields.Split('|')), new HeaderMap(), ended: true));
    }

    // What we send carries nothing of HTTP/1's connection, whatever the map holds, and comes back as it was.
    [Fact]
    public void HeadsThatWeSend_AreRight()
    {
        var pool = HpackCodecPool();
        var headers = new HeaderMap();
        foreach (string field in (string[])["x-first: 1", .. Usual, "host: other", "connection: close", "keep-alive: 5",
            "te: trailers, gzip", "upgrade: h2c", "transfer-encoding: chunked", "proxy-connection: a", "cookie: a=1; b=2",
                "content-length: 3"])
        {
            var (name, value) = Hpack.HpackCodec.Split(field);
            headers.Add(name, value);
        }
        var to = new ByteWriter();
        HeadWriter.Request(new HpackEncoder(pool), headers, isSecure: false, upgrade: false, 3, to);
        var fields = Hpack.HpackCodec.Decode(new HpackDecoder(pool), to.Written);
        Assert.Equal([":method: POST", ":scheme: http", ":authority: example.test", ":path: /", "x-first: 1", "cookie: a=1", "cookie: b=2",
            "content-length: 3"], fields);
        to.Clear();
        headers.Set("te", "trailers");
        HeadWriter.Request(new HpackEncoder(pool), headers, isSecure: false, upgrade: true, -1, to);
        fields = Hpack.HpackCodec.Decode(new HpackDecoder(pool), to.Written);
        Assert.Equal([":method: CONNECT", ":protocol: h2c", ":scheme: http", ":authority: example.test", ":path: /", "x-first: 1",
            "te: trailers"], fields!.Take(7));
    }

    private static BufferPool HpackCodecPool() => Hpack.HpackCodec.Pool();

    private static (MessageVerdict, RequestReader, HeaderMap) Read(string[] fields)
    {
        var own = fields.Select(f => f.StartsWith('-') ? f[1..] : f.StartsWith(':')
            ? f[..Math.Max(0, f.IndexOf(": ", 1, StringComparison.Ordinal))] : "").ToHashSet();
        string[] all = [.. Usual.Where(u => !own.Contains(u[..u.IndexOf(": ", 1, StringComparison.Ordinal)])),
            .. fields.Where(f => !f.StartsWith('-'))];
        var pool = HpackCodecPool();
        var reader = new RequestReader(new HpackDecoder(pool), pool);
        var headers = new HeaderMap();
        var verdict = reader.Read(Block(all), headers, ended: false);
        Assert.Equal(0, pool.Used);
        return (verdict, reader, headers);
    }

    // Names may hold anything: the first ": " behind the first byte parts them, but for those that say otherwise.
    private static byte[] Block(string[] fields)
    {
        var to = new ByteWriter();
        foreach (string field in fields)
        {
            int colon = field.StartsWith(": ", StringComparison.Ordinal) ? 0
                : field.StartsWith("transfer-encoding: chunked\r\n", StringComparison.Ordinal)
                ? field.LastIndexOf(": ", StringComparison.Ordinal) : field.IndexOf(": ", 1, StringComparison.Ordinal);
            to.Write(0);
            foreach (string text in (string[])[field[..colon], field[(colon + 2)..]])
            {
                to.Advance(HpackInteger.Write(to.GetSpan(6), 0, 7, text.Length));
                to.Write(Encoding.Latin1.GetBytes(text));
            }
        }
        return to.Written.ToArray();
    }
}
