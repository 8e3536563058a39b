using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Lua;

public sealed class CallTests
{
    private const string Fields = "{[':method'] = 'POST', [':path'] = '/auth', [':authority'] = 'auth', ['x-two'] = {'1', '2'}}";

    [Fact]
    public async Task HttpCall_WaitsAndGivesTheAnswer()
    {
        await using var proxy = await LuaProxy.StartAsync($$"""
            function envoy_on_request(h)
              local fields, body = h:httpCall("up", {{Fields}}, "hi", 5000)
              h:headers():add("x-call", fields[":status"] .. " " .. fields["x-answer"] .. " " .. body)
            end
            """);
        proxy.Upstream.Answer = r => r.Target == "/auth" ? RecordingUpstream.Ok("yes", "x-answer: a\r\nx-answer: b\r\n") : null;
        Assert.Equal(200, (await proxy.GetAsync("/page")).Status);
        var requests = proxy.Upstream.Requests;
        Assert.Equal("/auth", requests[0].Target);
        Assert.Equal("hi", requests[0].Text);
        Assert.Equal("auth", requests[0]["host"]);
        Assert.Equal("200 b yes", requests[1]["x-call"]);
        Assert.Equal(0, proxy.Errors);
    }

    [Fact]
    public async Task HttpCall_OverHttp2_IsTheSame()
    {
        await using var up = new Http2Upstream
        {
            Answer = c => c.Path != "/auth" ? new Http2Script().Headers(c.Id, true, ":status: 200")
                : new Http2Script().Headers(c.Id, false, ":status: 201", "x-answer: a", "x-answer: b").Data(c.Id, "yes")
                    .Headers(c.Id, true, "x-trailer: t"),
        };
        await using var proxy = await ProxyFixture.StartAsync(LuaProxy.Yaml($$"""
            function envoy_on_request(h)
              local fields, body = h:httpCall("up", {{Fields}}, "hi", 5000)
              h:headers():add("x-call", fields[":status"] .. " " .. fields["x-answer"] .. " " .. body)
            end
            """, 1).Replace("endpoints: [\"127.0.0.1:1\"]", $"http2: true, endpoints: [\"{up.Address}\"]", StringComparison.Ordinal));
        Assert.Equal(200, (await proxy.GetAsync("/page")).Status);
        var asked = up.Call("/auth");
        Assert.Equal(("POST", "auth", "hi", "201 b yes"), (asked[":method"], asked[":authority"], asked.Body, up.Call("/page")["x-call"]));
        Assert.Equal(1, up.Connections);
        // One that never comes is given up on its stream alone.
        up.Answer = c => c.Path == "/auth" ? null : new Http2Script().Headers(c.Id, true, ":status: 200");
        await proxy.PublishAsync(LuaProxy.Yaml($$"""
            function envoy_on_request(h)
              local fields = h:httpCall("up", {{Fields}}, "hi", 50)
              h:headers():add("x-call", fields[":status"])
            end
            """, 1).Replace("endpoints: [\"127.0.0.1:1\"]", $"http2: true, endpoints: [\"{up.Address}\"]", StringComparison.Ordinal));
        Assert.Equal(200, (await proxy.GetAsync("/late")).Status);
        Assert.Equal("504", up.Call("/late")["x-call"]);
        await Eventually.Async(() => up.Calls.Any(c => c.Path == "/auth" && c.Reset is not null), "the call's stream is reset");
        Assert.Equal(1, up.Connections);
    }

    [Fact]
    public async Task HttpCallWithOptions_GivesDuplicates()
    {
        await using var proxy = await LuaProxy.StartAsync($$"""
            function envoy_on_request(h)
              local fields = h:httpCall("up", {{Fields}}, nil, {timeout_ms = 5000, return_duplicate_headers = true, send_xff = false, trace_sampled = true})
              h:headers():add("x-call", table.concat(fields["x-answer"], "+"))
            end
            """);
        proxy.Upstream.Answer = r => r.Target == "/auth" ? RecordingUpstream.Ok("", "x-answer: a\r\nx-answer: b\r\n") : null;
        await proxy.GetAsync();
        Assert.Equal("a+b", proxy.Upstream.Requests[1]["x-call"]);
        Assert.Null(proxy.Upstream.Requests[0]["x-forwarded-for"]);
    }

    [Theory]
    [InlineData("h:httpCall('up', F, nil, 5000, true)")]
    [InlineData("h:httpCall('up', F, nil, {asynchronous = true, timeout_ms = 5000})")]
    public async Task AsynchronousCall_IsNotWaitedFor(string call)
    {
        await using var proxy = await LuaProxy.StartAsync(
            $"function envoy_on_request(h) {call.Replace("F", Fields, StringComparison.Ordinal)} end");
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        await proxy.Upstream.WaitForAsync(2);
        Assert.Equal(0, proxy.Errors);
    }

    [Fact]
    public async Task CallWithoutAnswer_Gives504AfterItsTime()
    {
        await using var proxy = await LuaProxy.StartAsync($$"""
            function envoy_on_request(h)
              local fields, body = h:httpCall("up", {{Fields}}, "hi", 50)
              h:respond({[":status"] = "200"}, fields[":status"] .. body)
            end
            """);
        var never = new TaskCompletionSource();
        proxy.Upstream.OnHead = (_, _) => never.Task;
        var response = await proxy.GetAsync();
        Assert.Equal("504upstream request timeout", response.Text);
        never.SetResult();
    }

    [Theory]
    [InlineData("h:httpCall('none', F, nil, 10)", "cluster invalid")]
    [InlineData("h:httpCall('up', {}, nil, 10)", "':path', ':method', and ':authority'")]
    [InlineData("h:httpCall('up', F, {}, 10)", "body must be")]
    [InlineData("h:httpCall('up', F, nil, -1)", "timeout invalid")]
    [InlineData("coroutine.wrap(function() h:httpCall('up', F, nil, 100) end)()", "coroutine that runs the hook")]
    [InlineData("h:respond({}, 'x')", ":status")]
    [InlineData("h:respond({[':status'] = '99'}, 'x')", ":status")]
    [InlineData("h:setUpstreamOverrideHost('name')", "not a valid IP")]
    public async Task WrongUse_IsAnErrorOfTheScript(string call, string expected)
        => Assert.Equal("true",
            await LuaProxy.AnswerAsync(
                $"local ok, e = pcall(function() {call.Replace("F", Fields, StringComparison.Ordinal)} end) return (not ok and e:find([["
                    + $"{expected}]], 1, true) ~= nil) or tostring(e)"));

    [Fact]
    public async Task BodyThenCallThenRespond_Mix()
    {
        await using var proxy = await LuaProxy.StartAsync($$"""
            function envoy_on_request(h)
              local fields, answer = h:httpCall("up", {{Fields}}, "hi", 5000)
              local b = h:body()
              local more = h:httpCall("up", {{Fields}}, b:getBytes(0, b:length()), 5000)
              if b:length() > 3 then h:respond({[":status"] = "403", ["x-why"] = {"a", "b"}, ["content-type"] = "text/x"}, "too long") end
              b:setBytes("[" .. b:getBytes(0, b:length()) .. "]")
            end
            function envoy_on_response(h) h:headers():add("x-seen", "1") end
            """);
        Assert.Equal(200, (await proxy.PostAsync("abc")).Status);
        Assert.Equal("[abc]", proxy.Upstream.Requests[2].Text);
        var refused = await proxy.PostAsync("abcd");
        Assert.Equal(403, refused.Status);
        Assert.Equal("too long", refused.Text);
        Assert.Equal("text/x", refused["content-type"]);
        Assert.Equal("1", refused["x-seen"]);
        Assert.Equal(0, proxy.Errors);
    }

    [Fact]
    public async Task Respond_IsRefusedWhereItCannotBe()
    {
        await using var proxy = await LuaProxy.StartAsync("""
            function envoy_on_request(h) for c in h:bodyChunks() do h:respond({[":status"] = "200"}, "x") end end
            function envoy_on_response(h) h:respond({[":status"] = "200"}, "x") end
            """);
        Assert.Equal(200, (await proxy.PostAsync("abc")).Status);
        Assert.Contains("headers have been continued", proxy.Log);
        Assert.Contains("not currently supported in the response path", proxy.Log);
    }

    [Fact]
    public async Task OverrideHost_PrefersOrInsists()
    {
        await using var proxy = await LuaProxy.StartAsync(
            "function envoy_on_request(h) h:setUpstreamOverrideHost('127.0.0.9', h:headers():get('x-strict') ~= nil) end");
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(503, (await proxy.GetAsync(headers: "x-strict: 1\r\n")).Status);
        await proxy.PublishAsync("function envoy_on_request(h) h:setUpstreamOverrideHost('127.0.0.1', true) end");
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(0, proxy.Errors);
    }

    [Fact]
    public async Task ErrorAfterACall_FailsOpen()
    {
        await using var proxy = await LuaProxy.StartAsync(
            $"function envoy_on_request(h) h:httpCall('up', {Fields}, nil, 5000) error('later') end");
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(2, proxy.Upstream.Requests.Count);
        Assert.Equal(1, proxy.Errors);
    }
}
