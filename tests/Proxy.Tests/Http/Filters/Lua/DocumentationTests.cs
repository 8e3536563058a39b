using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Lua;

/// <summary>The examples of docs/lua.md, run through a real listener: an example is a test by being written.</summary>
public sealed partial class DocumentationTests
{
    private static readonly string[] Methods =
    [
        "headers", "body", "bodyChunks", "trailers", "logTrace", "logDebug", "logInfo", "logWarn", "logErr", "logCritical", "httpCall",
        "respond", "metadata", "streamInfo", "connection",
        "connectionStreamInfo", "setUpstreamOverrideHost", "clearRouteCache", "filterContext", "importPublicKey", "verifySignature",
        "base64Escape", "timestamp", "timestampString", "virtualHost",
        "route", "stats", "counter", "gauge", "histogram", "inc", "dec", "add", "sub", "set", "value", "recordValue", "get", "getAtIndex",
        "getNumValues", "remove", "replace", "setHttp1ReasonPhrase",
        "length", "getBytes", "setBytes", "protocol", "routeName", "virtualClusterName", "downstreamDirectLocalAddress",
        "downstreamLocalAddress", "downstreamDirectRemoteAddress",
        "downstreamRemoteAddress", "dynamicMetadata", "dynamicTypedMetadata", "filterState", "downstreamSslConnection",
        "requestedServerName", "drainConnectionUponCompletion", "ssl", "context",
        "incr", "delete",
    ];

    public static TheoryData<string> Examples => [.. Blocks()];

    [Theory]
    [MemberData(nameof(Examples))]
    public async Task Example_DoesWhatItSays(string example)
    {
        await using var upstream = RecordingUpstream.Start();
        upstream.Answer = r => r.Target == "/auth" ? RecordingUpstream.Ok("granted", "x-user: maria\r\n") : RecordingUpstream.Ok("hello");
        await using var proxy = await ProxyFixture.StartAsync(Yaml(example, upstream.Port));
        await using var client = await proxy.ConnectAsync();

        var response = await client.AskAsync(Request(example));

        var request = upstream.Requests.FirstOrDefault(r => r.Target != "/auth");
        int checks = 0;
        foreach (Match line in Expectation().Matches(example))
        {
            var (side, name, expected) = (line.Groups[1].Value, line.Groups[2].Value, line.Groups[3].Value);
            string? actual = side == "upstream"
                ? name == "body" ? request?.Text : request?[name]
                : name switch { "body" => response.Text, ":status" => $"{response.Status}", "reason" => response.Reason,
                    _ => response[name] };
            Assert.True(expected == actual, $"{side} {name}: '{actual}' instead of '{expected}'\n{string.Join('\n', proxy.Log.Lines)}");
            checks++;
        }
        Assert.True(checks > 0, "an example without an expectation proves nothing");
        Assert.Equal(0, proxy.Stat("http.edge.lua.errors"));
    }

    [Fact]
    public void EveryMethod_HasAnExample()
    {
        string all = string.Join('\n', Blocks());
        Assert.DoesNotContain(Methods, m => !all.Contains($":{m}(", StringComparison.Ordinal));
        Assert.Contains("pairs(headers)", all, StringComparison.Ordinal);
    }

    // -- request POST /upload, x-id: 7, body: hello
    private static string Request(string example)
    {
        var line = RequestLine().Match(example);
        string[] parts = line.Success ? line.Groups[1].Value.Split(", ") : ["GET /page"];
        string body = parts.FirstOrDefault(p => p.StartsWith("body: ", StringComparison.Ordinal))?[6..] ?? "";
        var text = new StringBuilder($"{parts[0]} HTTP/1.1\r\nHost: h\r\n");
        foreach (string field in parts.Skip(1).Where(p => !p.StartsWith("body: ", StringComparison.Ordinal)))
            text.Append(field).Append("\r\n");
        if (body.Length > 0) text.Append("Content-Length: ").Append(body.Length).Append("\r\n");
        return text.Append("\r\n").Append(body).ToString();
    }

    private static string Yaml(string script, int port) => $$"""
        clusters:
        - {name: web, endpoints: ["127.0.0.1:{{port}}"]}
        - {name: auth, endpoints: ["127.0.0.1:{{port}}"]}
        listeners:
        - name: edge
          address: 127.0.0.1:0
          http_filters:
          - {name: lua, typed_config: {default_source_code: {inline_string: {{JsonSerializer.Serialize(script)}} } } }
          virtual_hosts:
          - name: all
            domains: ["*"]
            metadata:
              filter_metadata: {lua: {team: blue} }
            routes:
            - name: main
              match: {prefix: /}
              route: {cluster: web}
              metadata:
                filter_metadata: {lua: {level: 7} }
              typed_per_filter_config:
                lua: {'@type': type.googleapis.com/envoy.extensions.filters.http.lua.v3.LuaPerRoute, filter_context: {tenant: acme} }
        """;

    private static IEnumerable<string> Blocks([CallerFilePath] string here = "") =>
        Block().Matches(File.ReadAllText(Path.Combine(Path.GetDirectoryName(here)!, "../../../../../docs/lua.md")))
            .Select(m => m.Groups[1].Value);

    [GeneratedRegex(@"^```lua\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"^-- (upstream|response) (:?[\w-]+): (.*)$", RegexOptions.Multiline)]
    private static partial Regex Expectation();

    [GeneratedRegex(@"^-- request (.*)$", RegexOptions.Multiline)]
    private static partial Regex RequestLine();
}
