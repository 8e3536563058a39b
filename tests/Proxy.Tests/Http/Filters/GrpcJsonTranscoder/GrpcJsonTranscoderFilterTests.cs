using System.Text;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.GrpcJsonTranscoder;

public sealed class LibraryEdge : IAsyncLifetime
{
    internal Http2Upstream Up { get; } = new();
    internal ProxyFixture Proxy { get; private set; } = null!;

    // Several ways to be configured, each a listener of its own.
    private static readonly Dictionary<string, string> Options = new()
    {
        ["edge"] = "auto_mapping: true",
        ["strict"] = "request_validation_options: {reject_unknown_method: true, reject_unknown_query_parameters: true, "
            + "reject_binding_body_field_collisions: true}, match_unregistered_custom_verb: true",
        ["lenient"] = "ignore_unknown_query_parameters: true, query_param_unescape_plus: true, case_insensitive_enum_parsing: true, "
            + "url_unescape_spec: ALL_CHARACTERS, ignored_query_parameters: [key]",
        ["slash"] = "url_unescape_spec: ALL_CHARACTERS_EXCEPT_SLASH",
        ["lines"] = "print_options: {stream_newline_delimited: true}, convert_grpc_status: true, match_incoming_request_route: true",
        ["events"] = "print_options: {stream_sse_style_delimited: true}, max_request_body_size: 64, max_response_body_size: 64",
    };

    public async ValueTask InitializeAsync()
    {
        Up.Answer = Answer;
        string listeners = string.Concat(Options.Select(o => $$"""

            - name: {{o.Key}}
              address: 127.0.0.1:0
              http_filters:
              - name: grpc_json_transcoder
                typed_config: {proto_descriptor_bin: "{{LibraryDescriptor.Base64}}", services: [shop.Library], {{o.Value}}}
              routes:
              - match: {prefix: /v1/off}
                route: {cluster: up}
                typed_per_filter_config: {grpc_json_transcoder: {services: []} }
              - {match: {prefix: /shop.Library/Title}, direct_response: {status: 403} }
              - {match: {prefix: /}, route: {cluster: up} }
            """.ReplaceLineEndings("\n")));
        Proxy = await ProxyFixture.StartAsync(
            $"clusters:\n- {{name: up, endpoints: [\"{Up.Address}\"], http2: true}}\nlisteners:{listeners}\n");
    }

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await Up.DisposeAsync();
    }

    internal static Http2Script Answer(Http2Call call)
    {
        var script = new Http2Script();
        if (call["content-type"]?.StartsWith("application/grpc", StringComparison.Ordinal) != true)
            return script.Headers(call.Id, false, ":status: 200").Data(call.Id, "as it came: " + call.Path, true);
        if (call.Path == "/shop.Library/Fail")
            return script.Headers(call.Id, true, ":status: 200", "content-type: application/grpc", "grpc-status: 5",
                "grpc-message: no%20book %22a%22");
        script.Headers(call.Id, false, ":status: 200", "content-type: application/grpc");
        if (call.Path == "/shop.Library/List")
        {
            // Cut where it hurts.
            string twice = call.Body + call.Body;
            script.Data(call.Id, twice[..3]).Data(call.Id, twice[3..]);
        }
        else script.Data(call.Id, call.Body);
        return script.Headers(call.Id, true, "grpc-status: 0");
    }
}

/// <summary>HTTP with JSON to a gRPC service that gives back what it got.</summary>
public sealed class GrpcJsonTranscoderFilterTests(LibraryEdge edge) : IClassFixture<LibraryEdge>
{
    [Theory]
    [InlineData("GET", "/v1/shelves/1/books/2", "", """{"name":"shelves/1/books/2"}""")]
    [InlineData("GET", "/v1/shelves/a%2Fb%20c/books/x", "", """{"name":"shelves/a%2Fb c/books/x"}""")]
    [InlineData("GET", "/v1/any/a/b/c:find", "", """{"name":"a/b/c"}""")]
    [InlineData("GET", "/v1/any/:find", "", """{}""")]
    [InlineData("GET", "/v1/shelves/1/books/2:x", "", """{"name":"shelves/1/books/2:x"}""")]
    [InlineData("GET", "/v1/shelves/1/books/2?title=a%20b+c&author.name=n&author.born_in=5&tags=x&tags=y&size=LARGE&pages=0", "",
        """{"name":"shelves/1/books/2","title":"a b+c","author":{"name":"n","bornIn":"5"},"tags":["x","y"],"size":"LARGE","pages":0}""")]
    [InlineData("GET", "/v1/list2", "", null)]
    [InlineData("GET", "/v1/shelves/1/books/2?rating=3&printed=2026-11-30T00:00:00Z&reading=2s&mask=a.bC", "",
        """{"name":"shelves/1/books/2","printed":"2026-11-30T00:00:00Z","rating":3,"reading":"2s","mask":"a.bC"}""")]
    [InlineData("POST", "/v1/shelves/7/books?title=t", """{"name":"a","bornIn":1}""",
        """{"name":"shelves/7","title":"t","author":{"name":"a","bornIn":"1"}}""")]
    [InlineData("POST", "/v2/books", """{"title":"all","author":{"name":"a"}}""", """{"title":"all","author":{"name":"a"}}""")]
    [InlineData("POST", "/v2/books?title=url", """{"title":"body"}""", """{"title":"url"}""")]
    [InlineData("POST", "/v2/books", "", "{}")]
    [InlineData("PURGE", "/v1/books/9", "", """{"name":"9"}""")]
    [InlineData("POST", "/shop.Library/Auto", """{"title":"t"}""", """{"title":"t"}""")]
    [InlineData("GET", "/v1/title/special", "", "{}")]
    public async Task Call_GoesByItsRule(string method, string target, string body, string? expected)
    {
        var answer = await AskAsync("edge", method, target, body);

        Assert.Equal(200, answer.Status);
        if (expected is null) Assert.Equal("as it came: " + target, answer.Text);
        else Assert.Equal(("application/json", expected), (answer["content-type"], answer.Text));
    }

    [Fact]
    public async Task Request_IsOneOfGrpc()
    {
        await AskAsync("edge", "POST", "/v2/books?title=asked", """{"name":"n"}""");

        var call = edge.Up.Calls.Last(c => c["x-envoy-original-path"] == "/v2/books?title=asked");
        Assert.Equal(("/shop.Library/Create", "POST", "application/grpc", "trailers", null, "POST"), (call.Path, call[":method"],
            call["content-type"], call["te"], call["content-length"], call["x-envoy-original-method"]));
        string body = LibraryDescriptor.Wire("""{"name":"n"}"""), url = LibraryDescriptor.Wire("""{"title":"asked"}""");
        Assert.Equal(GrpcEdge.Message(body + url), call.Body);
    }

    [Theory]
    [InlineData("/v1/title/x?author.name=n", """{"name":"n"}""")]
    [InlineData("/v1/title/x", "{}")]
    public async Task ResponseBody_IsOneField(string target, string expected)
        => Assert.Equal(expected, (await AskAsync("lines", "GET", target)).Text);

    [Fact]
    public async Task ResponseBody_MayBeAList()
        => Assert.Equal("""["a","b"]""", (await AskAsync("edge", "GET", "/v1/tags?tags=a&tags=b")).Text);

    [Theory]
    [InlineData("edge", "application/json", """[{"title":"t"},{"title":"t"}]""")]
    [InlineData("lines", "application/json", "{\"title\":\"t\"}\n{\"title\":\"t\"}\n")]
    [InlineData("events", "text/event-stream", "data: {\"title\":\"t\"}\n\ndata: {\"title\":\"t\"}\n\n")]
    public async Task Stream_OfTheServer(string listener, string type, string expected)
    {
        var answer = await AskAsync(listener, "GET", "/v1/list?title=t");

        Assert.Equal((200, type, expected), (answer.Status, answer["content-type"], answer.Text));
    }

    [Theory]
    [InlineData("""[{"name":"1"},{"name":"}]"}]""", 2)]
    [InlineData(""" [ ] """, 0)]
    [InlineData("""[{"name":"1","author":{"name":"x"}} , {}]""", 2)]
    public async Task Stream_OfTheClient(string body, int messages)
    {
        await using var client = await edge.Proxy.ConnectAsync();
        await client.SendAsync("POST /v1/upload/t HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
        foreach (char c in body) await client.SendAsync($"1\r\n{c}\r\n");
        await client.SendAsync("0\r\n\r\n");
        var answer = await client.ReadAsync();

        var call = edge.Up.Calls.Last(c => c.Path == "/shop.Library/Upload");
        Assert.Equal(messages, call.Body.Split("\0\0\0\0").Length - 1);
        // The service gives the first message back; without any it has none to give.
        Assert.Equal(messages > 0 ? 200 : 500, answer.Status);
    }

    [Theory]
    [InlineData("edge", "POST", "/v2/books", "{", 400, "invalid JSON")]
    [InlineData("edge", "POST", "/v2/books", """{"ids":"x"}""", 400, "invalid value of ids")]
    [InlineData("edge", "GET", "/v1/shelves/1/books/2?pages=x", "", 400, "invalid value of pages")]
    [InlineData("edge", "POST", "/v1/upload/t", "{}", 400, "no array of objects")]
    [InlineData("edge", "POST", "/v1/upload/t", "[{}", 400, "no array of objects")]
    [InlineData("strict", "GET", "/v1/shelves/1/books/2?nobody=1", "", 400, "query parameter 1")]
    [InlineData("strict", "GET", "/v1/nowhere", "", 404, "no method")]
    [InlineData("strict", "DELETE", "/v1/list", "", 404, "no method")]
    [InlineData("strict", "GET", "/v1/shelves/1/books/2:x", "", 404, "no method")]
    [InlineData("strict", "POST", "/v2/books?title=url", """{"title":"body"}""", 400, "two things")]
    [InlineData("strict", "POST", "/v2/books?title=same", """{"title":"same"}""", 200, "same")]
    [InlineData("strict", "POST", "/v2/books?author.name=a", """{"author":{"name":"b"}}""", 400, "two things")]
    [InlineData("events", "POST", "/v2/books", """{"title":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}""", 413, "Large")]
    public async Task WhatIsWrong_IsAnsweredAsHttp(string listener, string method, string target, string body, int status, string why)
    {
        var answer = await AskAsync(listener, method, target, body);

        Assert.Equal(status, answer.Status);
        Assert.Contains(why, answer.Text, StringComparison.Ordinal);
        Assert.Null(status == 200 ? null : answer["grpc-status"]);
    }

    [Theory]
    [InlineData("edge", "GET", "/v1/shelves/1/books/2?nobody=1")]
    [InlineData("edge", "GET", "/v1/nowhere?a=b")]
    [InlineData("edge", "DELETE", "/v1/list")]
    [InlineData("edge", "GET", "/v1/off")]
    [InlineData("edge", "GET", "/v1/title/")]
    [InlineData("edge", "GET", "/")]
    public async Task WhatNoRuleMatches_PassesAsItCame(string listener, string method, string target)
        => Assert.Equal((200, "as it came: " + target), await AskAsync(listener, method, target) is var a ? (a.Status, a.Text) : default);

    [Theory]
    [InlineData("lenient", "/v1/shelves/1/books/2?nobody=1&title=a+b&key=7&size=large",
        """{"name":"shelves/1/books/2","title":"a b","size":"LARGE"}""")]
    [InlineData("lenient", "/v1/shelves/a%2Fb/books/c%3Ad", """{"name":"shelves/a/b/books/c:d"}""")]
    [InlineData("slash", "/v1/shelves/a%2Fb/books/c%3Ad", """{"name":"shelves/a%2Fb/books/c:d"}""")]
    [InlineData("edge", "/v1/shelves/a%2Fb/books/c%3Ad", """{"name":"shelves/a%2Fb/books/c%3Ad"}""")]
    public async Task Options_ChangeWhatAUrlSays(string listener, string target, string expected)
        => Assert.Equal(expected, (await AskAsync(listener, "GET", target)).Text);

    [Fact]
    public async Task Failure_IsAStatusOfHttp()
    {
        var answer = await AskAsync("edge", "GET", "/v1/fail");
        Assert.Equal((404, "", "5", "0"), (answer.Status, answer.Text, answer["grpc-status"], answer["content-length"]));

        answer = await AskAsync("lines", "GET", "/v1/fail"); // convert_grpc_status
        Assert.Equal((404, """{"code":5,"message":"no book \"a\""}""", null, "application/json"),
            (answer.Status, answer.Text, answer["grpc-status"], answer["content-type"]));
    }

    [Fact]
    public async Task Route_IsMatchedAgainUnlessToldOtherwise()
    {
        Assert.Equal(403, (await AskAsync("edge", "GET", "/v1/title/x")).Status);
        Assert.Equal(200, (await AskAsync("lines", "GET", "/v1/title/x")).Status);
    }

    [Fact]
    public async Task HttpBody_GoesAsItIs()
    {
        await using var client = await edge.Proxy.ConnectAsync();
        var answer = await client.AskAsync(
            "POST /v1/raw HTTP/1.1\r\nhost: a\r\ncontent-type: image/x\r\ncontent-length: 4\r\n\r\n\0{}\"");

        Assert.Equal((200, "image/x", "\0{}\""), (answer.Status, answer["content-type"], Encoding.Latin1.GetString(answer.Body)));
    }

    [Fact]
    public async Task Grpc_PassesUntouched()
    {
        await using var client = await edge.Proxy.ConnectAsync();
        string message = GrpcEdge.Message("x");
        var answer = await client.AskAsync("POST /shop.Library/Create HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc\r\n"
            + $"content-length: {message.Length}\r\n\r\n{message}");

        Assert.Equal(("application/grpc", message), (answer["content-type"], Encoding.Latin1.GetString(answer.Body)));
    }

    [Theory]
    [InlineData("services: [shop.Librari]", "services", "did you mean 'shop.Library'?")]
    [InlineData("services: [shop.Library], capture_unknown_query_parameters: true", "capture_unknown_query_parameters", null)]
    public void WhatIsWrong_IsAnErrorAtItsPlace(string config, string field, string? hint)
    {
        var built = edge.Proxy.Build(Document($"proto_descriptor_bin: \"{LibraryDescriptor.Base64}\", {config}"));

        var error = Assert.Single(built.Errors);
        Assert.EndsWith(field, error.Pointer, StringComparison.Ordinal);
        if (hint is not null) Assert.Equal(hint, error.Hint);
    }

    [Fact]
    public async Task DescriptorFile_IsNamedByItsPath()
    {
        string file = Path.GetTempFileName();
        await File.WriteAllBytesAsync(file, LibraryDescriptor.Bytes());
        Assert.Empty(edge.Proxy.Build(Document($"proto_descriptor: {file}, services: [shop.Library]")).Errors);
        await File.WriteAllTextAsync(file, "no descriptor");
        Assert.EndsWith("/proto_descriptor", Assert.Single(edge.Proxy.Build(Document($"proto_descriptor: {file}, services: [shop.Library]"))
            .Errors).Pointer, StringComparison.Ordinal);
        File.Delete(file);
    }

    private static string Document(string config) => $$"""
        listeners:
        - name: edge
          address: 127.0.0.1:0
          http_filters: [{name: grpc_json_transcoder, typed_config: { {{config}} } }]
          routes: [{match: {prefix: /}, direct_response: {status: 200} }]
        """;

    private async Task<RawResponse> AskAsync(string listener, string method, string target, string body = "")
    {
        await using var client = await edge.Proxy.ConnectAsync(listener);
        string type = body.Length > 0 ? $"content-type: application/json\r\ncontent-length: {body.Length}\r\n" : "";
        return await client.AskAsync($"{method} {target} HTTP/1.1\r\nhost: a\r\n{type}\r\n{body}");
    }
}
