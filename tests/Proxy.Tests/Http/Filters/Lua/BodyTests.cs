using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Lua;

public sealed class BodyTests
{
    [Fact]
    public async Task Body_WaitsForAllAndCanBeReplaced()
    {
        await using var proxy = await LuaProxy.StartAsync("""
            function envoy_on_request(h)
              local b = h:body()
              local text = b:getBytes(0, b:length())
              h:headers():add("x-size", b:length())
              h:headers():add("x-part", b:getBytes(1, 2))
              h:headers():add("x-set", b:setBytes("<" .. text .. ">"))
            end
            """);
        await using var client = await proxy.Proxy.ConnectAsync();
        await client.SendSlowlyAsync("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
        Assert.Equal(200, (await client.ReadAsync()).Status);
        var request = Assert.Single(proxy.Upstream.Requests);
        Assert.Equal("<abcde>", request.Text);
        Assert.Equal("5", request["x-size"]);
        Assert.Equal("bc", request["x-part"]);
        Assert.Equal("7", request["x-set"]);
        Assert.Equal(0, proxy.Errors);
    }

    [Fact]
    public async Task BodyWithLength_GetsItsNewLength()
    {
        await using var proxy = await LuaProxy.StartAsync("function envoy_on_request(h) h:body():setBytes('longer than before') end");
        Assert.Equal(200, (await proxy.PostAsync("short")).Status);
        Assert.Equal("longer than before", proxy.Upstream.Requests[0].Text);
        Assert.Equal("18", proxy.Upstream.Requests[0]["content-length"]);
    }

    [Theory]
    [InlineData("return h:body()", "nil")]
    [InlineData("return h:body(true):length()", "0")]
    [InlineData("return select(2, pcall(function() h:body(true):setBytes('x') end)):match('cannot get one')", "cannot get one")]
    [InlineData("return h:trailers()", "nil")]
    [InlineData("local n = 0 for c in h:bodyChunks() do n = n + 1 end return n", "0")]
    public async Task RequestWithoutBody_HasNone(string body, string expected) => Assert.Equal(expected, await LuaProxy.AnswerAsync(body));

    [Fact]
    public async Task ResponseBody_CanBeReplaced()
    {
        await using var proxy = await LuaProxy.StartAsync("""
            function envoy_on_response(h)
              local b = h:body(true)
              b:setBytes(b:getBytes(0, #b):upper() .. "!")
              h:headers():replace("x-n", b:length())
            end
            """);
        proxy.Upstream.Answer = _ => RecordingUpstream.Ok("hello");
        var response = await proxy.GetAsync();
        Assert.Equal("HELLO!", response.Text);
        Assert.Equal("6", response["x-n"]);
        proxy.Upstream.Answer = _ => RecordingUpstream.Ok("");
        Assert.Equal("!", (await proxy.GetAsync()).Text);
        Assert.Equal(0, proxy.Errors);
    }

    [Fact]
    public async Task BodyChunks_GoOnOneByOne()
    {
        await using var proxy = await LuaProxy.StartAsync("""
            function envoy_on_request(h)
              h:headers():add("x-before", "1")
              for chunk in h:bodyChunks() do
                local ok, message = pcall(function() h:headers():add("x-late", "1") end)
                chunk:setBytes((ok and "" or "-") .. chunk:getBytes(0, chunk:length()))
              end
            end
            """);
        await using var client = await proxy.Proxy.ConnectAsync();
        await client.SendSlowlyAsync("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
        Assert.Equal(200, (await client.ReadAsync()).Status);
        var request = Assert.Single(proxy.Upstream.Requests);
        Assert.Equal("abcde", request.Text.Replace("-", "", StringComparison.Ordinal));
        Assert.StartsWith("-", request.Text);
        Assert.Equal("1", request["x-before"]);
        Assert.Null(request["x-late"]);
        Assert.Equal(0, proxy.Errors);
    }

    [Fact]
    public async Task Trailers_CanBeReadAndChanged()
    {
        await using var proxy = await LuaProxy.StartAsync("""
            function envoy_on_response(h)
              for chunk in h:bodyChunks() do end
              local t = h:trailers()
              t:add("x-more", t:get("x-sum") .. "!")
            end
            """);
        proxy.Upstream.Answer =
            _ => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 9\r\n\r\n";
        var response = await proxy.GetAsync(headers: "te: trailers\r\n");
        Assert.Equal("abc", response.Text);
        Assert.Equal(0, proxy.Errors);
    }

    [Fact]
    public async Task BodyOverTheLimit_IsRefused()
    {
        await using var proxy = await LuaProxy.StartAsync("function envoy_on_request(h) h:body() end");
        var response = await proxy.PostAsync(new string('x', 3 << 20));
        Assert.Equal(413, response.Status);
    }

    [Fact]
    public async Task ClientThatGoesWhileTheScriptWaits_LeavesNothing()
    {
        await using var proxy = await LuaProxy.StartAsync("function envoy_on_request(h) h:body() end");
        for (int i = 0; i < 20; i++)
        {
            await using var client = await proxy.Proxy.ConnectAsync();
            await client.SendAsync("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
            client.Reset();
        }
        await Eventually.Async(() => proxy.Proxy.Stat("http.edge.downstream_rq_active") == 0, "no stream left");
        Assert.Equal(200, (await proxy.PostAsync("abc")).Status);
        Assert.Equal(0, proxy.Errors);
    }
}
