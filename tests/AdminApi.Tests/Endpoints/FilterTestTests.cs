using System.Net;
using System.Text.Json;
using Managed.AdminApi.Sandbox;
using Managed.TestKit;

namespace Managed.AdminApi.Tests.Endpoints;

/// <summary>The test bench: real filters, apart from the traffic.</summary>
[Collection("Sandbox")] // one test looks for folders that are left behind
public sealed class FilterTestTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private TestNode Node => fixture.Node;

    [Fact]
    public async Task Script_IsTracedCallByCall()
    {
        var result = await RunAsync(Lua("""
            function envoy_on_request(h)
              h:headers():add("x-hello", "lua " .. h:headers():get("x-id"))
              local body = h:body()
              body:setBytes(body:getBytes(0, body:length()):upper())
              h:logWarn("seen")
            end
            function envoy_on_response(h) h:headers():replace("x-status", h:headers():get(":status")) end
            """, """, "request": {"method": "POST", "path": "/a?b=1", "authority": "example.com", "headers": """
                + """{"x-id": "7"}, "body": "hello"}, "upstream_response": {"status": 201, "headers": {"x-up": """
                    + """["1", "2"]}, "body": "made"}"""));
        var response = result.GetProperty("response");
        Assert.Equal((201, "made", "201"), (response.GetProperty("status").GetInt32(), response.GetProperty("body").GetString(),
            Header(response, "x-status")));
        var upstream = result.GetProperty("upstream_requests")[0];
        Assert.Equal(("POST", "/a?b=1", "HELLO", "lua 7", "example.com"),
            (upstream.GetProperty("method").GetString(), upstream.GetProperty("path").GetString(), upstream.GetProperty("body").GetString(),
                Header(upstream, "x-hello"), Header(upstream, "host")));

        var steps = result.GetProperty("trace").EnumerateArray().ToList();
        var first = steps[0];
        Assert.Equal(("lua", "OnRequestHeaders", "StopIteration"),
            (first.GetProperty("filter").GetString(), first.GetProperty("hook").GetString(), first.GetProperty("status").GetString()));
        Assert.Equal("lua 7", first.GetProperty("headers").EnumerateArray().Single(h => h.GetProperty("name").GetString() == "x-hello")
            .GetProperty("after").GetString());
        var calls = steps.SelectMany(s => s.GetProperty("calls").EnumerateArray()).ToList();
        var add = calls.Single(c => c.GetProperty("function").GetString() == "headers:add");
        Assert.Equal(("\"x-hello\", \"lua 7\"", "default_source_code:2"),
            (add.GetProperty("arguments").GetString(), add.GetProperty("place").GetString()));
        Assert.Equal("\"7\"", calls.First(c => c.GetProperty("function").GetString() == "headers:get").GetProperty("result").GetString());
        Assert.Equal("\"hello\"", calls.Single(c => c.GetProperty("function").GetString() == "buffer:getBytes").GetProperty("result")
            .GetString());
        var body = steps.Last(s => s.GetProperty("hook").GetString() == "OnRequestBody").GetProperty("body");
        Assert.Equal(("HELLO", 5), (body.GetProperty("text").GetString(), body.GetProperty("after").GetInt32()));
        Assert.Contains(steps, s => s.GetProperty("hook").GetString() == "OnResponseHeaders");
        Assert.Contains(result.GetProperty("logs").EnumerateArray(),
            l => l.GetProperty("text").GetString()!.StartsWith("default_source_code:5: seen", StringComparison.Ordinal));
        Assert.Equal(0, result.GetProperty("errors").GetArrayLength());
    }

    [Theory]
    [InlineData("made")]
    [InlineData("")]
    public async Task Trailers_AreTheUpstreams_AndHooksSayWhatTheyCost(string body)
    {
        var result = await RunAsync(Lua("""
            function envoy_on_response(h)
              for i = 1, 1000 do end
              h:trailers():replace("grpc-message", "seen " .. h:trailers():get("grpc-status"))
            end
            """, """, "request": {}, "upstream_response": {"body": "BODY", "trailers": {"grpc-status": "3", "x-two": ["a", "b"]}}"""
                .Replace("BODY", body)));
        var response = result.GetProperty("response");
        Assert.Equal(body, response.GetProperty("body").GetString());
        Assert.Equal(["grpc-message: seen 3", "grpc-status: 3", "x-two: a", "x-two: b"],
            response.GetProperty("trailers").EnumerateArray().Select(t => $"{t.GetProperty("name")}: {t.GetProperty("value")}").Order());
        var spent = result.GetProperty("trace").EnumerateArray()
            .ToLookup(s => s.GetProperty("hook").GetString(), s => s.GetProperty("instructions").GetInt64());
        Assert.True(spent["OnResponseHeaders"].Single() >= 1000, "the loop is counted where it ran");
        Assert.Equal(0, spent["OnRequestHeaders"].Single());
    }

    [Fact]
    public async Task Taps_AndAccessLogs_WriteNothing()
    {
        var folder = Directory.CreateDirectory(Path.Combine(Node.Folder, "written"));
        try
        {
            const string Tap = """
                {"@type":"tap","common_config":{"static_config":{"match_config":{"any_match":true},
                 "output_config":{"sinks":[{"format":"JSON_BODY_AS_BYTES","file_per_tap":{"path_prefix":"FOLDER/tap"}}]}}}}
                """;
            (await Node.PutAsync("listeners/logged", """
                {"name":"logged","address":"127.0.0.1:0",
                 "access_log":[{"name":"file","typed_config":{"@type":"file","path":"FOLDER/listener.log"}}],
                 "filter_chains":[{"name":"main","filters":[{"name":"hcm","typed_config":{"@type":"http_connection_manager",
                  "stat_prefix":"logged","access_log":[{"name":"file","typed_config":{"@type":"file","path":"FOLDER/access.log"}}],
                  "route_config":{"name":"r","virtual_hosts":[{"name":"all","domains":["*"],
                   "routes":[{"match":{"prefix":"/"},"route":{"cluster":"web"}}]}]},
                  "http_filters":[{"name":"tap","typed_config":TAP},{"name":"router","typed_config":{"@type":"router"}}]}}]}]}
                """.Replace("TAP", Tap).Replace("FOLDER", folder.FullName))).Is(HttpStatusCode.Created);
            var before = folder.GetFiles().Select(f => (f.Name, f.Length)).Order().ToList(); // the running listener's logs, empty
            var result = await RunAsync("""{"listener":"logged", "request": {"path": "/"}, "upstream_response": {"status": 200}}""");
            Assert.Equal(200, result.GetProperty("response").GetProperty("status").GetInt32());
            Assert.Contains(result.GetProperty("trace").EnumerateArray(), s => s.GetProperty("filter").GetString() == "tap");
            folder.Refresh(); // the sandbox has been stopped, with all that it had to write
            Assert.Equal(before, folder.GetFiles().Select(f => (f.Name, f.Length)).Order());
        }
        finally
        {
            await Node.DeleteAsync("listeners/logged");
        }
    }

    [Fact]
    public async Task HttpCalls_AreAnsweredAsTheTestSays()
    {
        var result = await RunAsync(Lua("""
            function envoy_on_request(h)
              for i = 1, 2 do
                local fields, body = h:httpCall("spare", {[":method"] = "GET", [":path"] = "/auth" .. i, [":authority"] = "auth"}, nil, 1000)
                if fields[":status"] ~= "200" then h:respond({[":status"] = "403"}, "refused " .. body) end
              end
            end
            """, """, "calls": [{"cluster": "spare", "status": 200, "body": "yes"}, {"cluster": "spare", "status": 401, "body": "no"}]"""));
        Assert.Equal((403, "refused no"), (result.GetProperty("response").GetProperty("status").GetInt32(),
            result.GetProperty("response").GetProperty("body").GetString()));
        Assert.Equal(["/auth1", "/auth2"], result.GetProperty("upstream_requests").EnumerateArray()
            .Select(r => r.GetProperty("path").GetString()));
        Assert.Contains(result.GetProperty("trace").EnumerateArray(), s => s.GetProperty("hook").GetString() == "OnHttpCallResponse");
    }

    [Fact]
    public async Task SharedDictionaries_AreTheSandboxsOwn()
    {
        var script = Lua("local d = managed.shared('sandbox') function envoy_on_request(h) h:headers():add('x-n', d:incr('n')) end");
        for (int i = 0; i < 2; i++) Assert.Equal("1", Header((await RunAsync(script)).GetProperty("upstream_requests")[0], "x-n"));
    }

    [Theory]
    [InlineData("function envoy_on_request(h)\nerror('oh no')\nend", "default_source_code:2: oh no")]
    [InlineData("function envoy_on_request(h)\nwhile true do end\nend", "default_source_code:2: stopped after 1000000 instructions")]
    public async Task ScriptThatFails_SaysWhere(string script, string error)
    {
        var result = await RunAsync(Lua(script));
        Assert.Equal(error, result.GetProperty("errors")[0].GetString());
        Assert.Equal(200, result.GetProperty("response").GetProperty("status").GetInt32()); // it fails open
        if (error.Contains("stopped", StringComparison.Ordinal))
            Assert.InRange(result.GetProperty("instructions").GetInt64(), 1_000_000, 2_000_000);
    }

    [Fact]
    public async Task Listener_IsTestedAsItIsAndNothingOfItMeetsTraffic()
    {
        var before = await Node.ActiveVersionAsync();
        (await Node.PostAsync("listeners/edge/filter_chains/main/http_filters",
            """{"name":"stamp","typed_config":{"@type":"header_mutation","mutations":{"response_mutations":[{"append":{"header":"""
                + """{"key":"x-stamp","value":"1"}}}]}}}""")).Is(HttpStatusCode.Created);
        var result =
            await RunAsync("""{"listener": "edge", "chain": "main", "request": {"path": "/x"}, "upstream_response": {"status": 204}}""");
        Assert.Equal("1", Header(result.GetProperty("response"), "x-stamp"));
        Assert.Equal("web", result.GetProperty("upstream_requests")[0].GetProperty("cluster").GetString());
        Assert.Contains(result.GetProperty("trace").EnumerateArray(), s => s.GetProperty("filter").GetString() == "stamp");
        var old = await RunAsync($$$"""{"listener": "edge", "version": {{{before}}}, "request": {"path": "/x"}}""");
        Assert.DoesNotContain(old.GetProperty("response").GetProperty("headers").EnumerateArray(),
            h => h.GetProperty("name").GetString() == "x-stamp");
        Assert.Equal(before + 1, await Node.ActiveVersionAsync());
        Assert.Empty(Directory.GetDirectories(Path.GetTempPath(), FilterSandbox.FolderPrefix + "*"));
    }

    [Theory]
    [InlineData("{}", "#")]
    [InlineData("""{"filters": 1}""", "#/filters")]
    [InlineData("""{"listener": "edge", "draft": 1}""", "#/draft")]
    [InlineData("""{"listener": "edge", "request": {"path": "x"}}""", "#/request/path")]
    [InlineData("""{"listener": "edge", "request": {"headers": {"a": "b\r\nc: d"}}}""", "#/request/headers/a")]
    [InlineData("""{"listener": "edge", "upstream_response": {"status": 99}}""", "#/upstream_response/status")]
    [InlineData("""{"listener": "edge", "calls": [{"cluster": "nobody"}]}""", "#/calls/0/cluster")]
    [InlineData("""{"filters": [{"name": "lua", "typed_config": {"inline_code": "x ="}}]}""", "#/filters/0/typed_config/inline_code")]
    public async Task WrongTest_IsRefusedWithItsPlace(string body, string pointer)
    {
        var refused = (await Node.PostAsync("filters/test", body)).IsProblem(HttpStatusCode.UnprocessableEntity, "VALIDATION_FAILED");
        Assert.Equal(pointer, refused.Json.GetProperty("errors")[0].GetProperty("pointer").GetString());
    }

    [Fact]
    public async Task UnknownListener_IsNotFound()
        => (await Node.PostAsync("filters/test", """{"listener": "edg"}""")).IsProblem(HttpStatusCode.NotFound, "NOT_FOUND");

    [Fact]
    public async Task ManyRuns_LeaveNoDescriptorsBehind()
    {
        await RunAsync(Lua("function envoy_on_request(h) end"));
        int before = Directory.GetFileSystemEntries("/proc/self/fd").Length;
        for (int i = 0; i < 60; i++) await RunAsync(Lua($"function envoy_on_request(h) h:headers():add('x', '{i}') end"));
        // Other tests open and close some meanwhile; what is left behind, one a run at least, does not go.
        await Eventually.Async(() =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return Directory.GetFileSystemEntries("/proc/self/fd").Length <= before + 12;
        }, "no descriptor to stay");
    }

    // The time between two waits is not what these look at: a busy machine may take it.
    private static string Lua(string script, string more = "") =>
        $$$$"""{"filters": [{"name": "lua", "typed_config": {"limits": {"wall_time": "5s"}, "default_source_code": {"inline_string": """
            + $$$$"""{{{{JsonSerializer.Serialize(script)}}}} }}}]{{{{more}}}} }""";

    private async Task<JsonElement> RunAsync(string body) => (await Node.PostAsync("filters/test", body)).Is(HttpStatusCode.OK).Json;

    private static string? Header(JsonElement message, string name) =>
        message.GetProperty("headers").EnumerateArray()
            .FirstOrDefault(h => h.GetProperty("name").GetString() == name) is { ValueKind: JsonValueKind.Object } found
            ? found.GetProperty("value").GetString() : null;
}
