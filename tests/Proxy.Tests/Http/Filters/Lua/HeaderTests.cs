using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Lua;

public sealed class HeaderTests
{
    [Fact]
    public async Task ReasonPhrase_IsWritten()
    {
        await using var proxy = await LuaProxy.StartAsync(
            "function envoy_on_response(h) h:headers():setHttp1ReasonPhrase('Very Nice') end");
        Assert.Equal("Very Nice", (await proxy.GetAsync()).Reason);
        await proxy.PublishAsync("function envoy_on_response(h) h:headers():setHttp1ReasonPhrase('a\\r\\nb: c') end");
        Assert.Equal("OK", (await proxy.GetAsync()).Reason);
        Assert.Equal(1, proxy.Errors);
    }

    [Fact]
    public async Task BothHooks_ChangeTheirHeaders()
    {
        await using var proxy = await LuaProxy.StartAsync("""
            function envoy_on_request(h)
              h:headers():add("X-Hello", "lua")
              h:headers():remove("x-secret")
              h:headers():replace("user-agent", "other")
            end
            function envoy_on_response(h)
              h:headers():add("x-status", h:headers():get(":status"))
              h:headers():replace("x-n", 3)
              h:headers():replace("x-f", 4 / 2)
            end
            """);
        var response = await proxy.GetAsync(headers: "x-secret: 1\r\nuser-agent: me\r\n");
        Assert.Equal(200, response.Status);
        Assert.Equal("200", response["x-status"]);
        Assert.Equal("3", response["x-n"]);
        Assert.Equal("2", response["x-f"]);
        var request = Assert.Single(proxy.Upstream.Requests);
        Assert.Equal("lua", request["x-hello"]);
        Assert.Null(request["x-secret"]);
        Assert.Equal("other", request["user-agent"]);
        Assert.Equal(0, proxy.Errors);
        Assert.Equal(2, proxy.Proxy.Stat("http.edge.lua.executions"));
    }

    [Theory]
    [InlineData("""return h:headers():get("x-a")""", "1,2")]
    [InlineData("""return h:headers():get("X-A")""", "1,2")]
    [InlineData("""return h:headers():get("x-none")""", "nil")]
    [InlineData(
        """return h:headers():getAtIndex("x-a", 0) .. h:headers():getAtIndex("x-a", 1) .. tostring(h:headers():getAtIndex("x-a", 2))""",
            "12nil")]
    [InlineData("""return h:headers():getNumValues("x-a") .. h:headers():getNumValues("x-none")""", "20")]
    [InlineData("""return h:headers():get(":path") .. h:headers():get(":method")""", "/GET")]
    [InlineData("""local n = 0 for k, v in pairs(h:headers()) do if k == "x-a" then n = n + v end end return n""", "3")]
    [InlineData("""h:headers():replace("x-a", "z") return h:headers():getNumValues("x-a") .. h:headers():get("x-a")""", "1z")]
    [InlineData("""h:headers():remove("x-a") return h:headers():get("x-a")""", "nil")]
    [InlineData("""return pcall(function() h:headers():add("x y", "1") end)""", "false")]
    [InlineData("""return pcall(function() h:headers():add("x", "a\r\nb: c") end)""", "false")]
    [InlineData("""return pcall(function() h:headers():replace(":path", "/a b") end)""", "false")]
    [InlineData("""return pcall(function() h:headers():add("transfer_encoding", "chunked") end)""", "false")]
    [InlineData("""return pcall(function() h:headers():add("content-length", "5") end)""", "false")]
    [InlineData("""return select(2, pcall(function() h:headers():setHttp1ReasonPhrase("Nice") end)):match("headers of a response")""",
        "headers of a response")]
    [InlineData("""return getmetatable(h)""", "false")]
    [InlineData("""return select(2, pcall(function() h.x = 1 end)):match("cannot be changed")""", "cannot be changed")]
    [InlineData("""return select(2, pcall(function() return h.headers(h:headers()) end)):match("outside of proper scope")""",
        "outside of proper scope")]
    public async Task Method_GivesWhatTheDocumentationSays(string body, string expected)
        => Assert.Equal(expected, await LuaProxy.AnswerAsync(body, "x-a: 1\r\nx-a: 2\r\n"));

    [Fact]
    public async Task PathChange_ReachesTheUpstream()
    {
        await using var proxy = await LuaProxy.StartAsync("""function envoy_on_request(h) h:headers():replace(":path", "/new") end""");
        await proxy.GetAsync("/old");
        Assert.Equal("/new", proxy.Upstream.Requests[0].Target);
    }

    [Fact]
    public async Task HandleKeptInAGlobal_IsDeadInTheNextRequest()
    {
        await using var proxy = await LuaProxy.StartAsync("""
            function envoy_on_request(h)
              if kept then
                local ok, message = pcall(function() return kept:headers() end)
                h:headers():add("x-kept", message)
                ok, message = pcall(function() return fields:get(":path") end)
                h:headers():add("x-fields", message)
              end
              kept, fields = h, h:headers()
            end
            """);
        await proxy.GetAsync();
        await proxy.GetAsync();
        Assert.Contains("object used outside of proper scope", proxy.Upstream.Requests[1]["x-kept"]);
        Assert.Contains("object used outside of proper scope", proxy.Upstream.Requests[1]["x-fields"]);
    }

    [Fact]
    public async Task Error_FailsOpenAndSaysWhere()
    {
        await using var proxy = await LuaProxy.StartAsync(
            "function envoy_on_request(h)\n  h:headers():add('x-a', '1')\n  error('boom')\nend");
        var response = await proxy.GetAsync();
        Assert.Equal(200, response.Status);
        Assert.Equal("1", proxy.Upstream.Requests[0]["x-a"]);
        Assert.Equal(1, proxy.Errors);
        Assert.Contains("default_source_code:3: boom", proxy.Log);
    }

    [Theory]
    [InlineData("error({})")]
    [InlineData("error(nil)")]
    [InlineData("error(12)")]
    [InlineData("coroutine.yield()")]
    [InlineData("local t = nil; t.x = 1")]
    public async Task ErrorOfAnyKind_FailsClosedWhenAsked(string code)
    {
        await using var proxy = await LuaProxy.StartAsync($"function envoy_on_request(h) {code} end", ", failure_policy: CLOSED");
        Assert.Equal(500, (await proxy.GetAsync()).Status);
        Assert.Equal(1, proxy.Errors);
        Assert.Empty(proxy.Upstream.Requests);
    }
}
