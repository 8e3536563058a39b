using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;

/// <summary>Spellings of /admin against a route that denies it: what reaches the upstream is what was matched, byte for byte.</summary>
public sealed class PathDenyTests
{
    private static readonly string[] Spellings =
    [
        "/admin", "/admin/", "/admin/x", "/Admin", "/ADMIN", "/admin?x", "/admin?/..", "//admin", "///admin", "/./admin", "/x/../admin",
        "/x/./../admin", "/x/y/../../admin", "/admin/../admin", "/admin/.",
        "/admin//", "/admin/..", "/admin/x/..", "/x/..//admin", "/x//../admin", "/.//admin", "/../admin", "/../../admin", "/x/../../admin",
        "/%61dmin", "/%61%64%6d%69%6e", "/%61%64%6D%69%6E",
        "/adm%69n", "/%2fadmin", "/%2Fadmin", "/x%2f..%2fadmin", "/x/..%2fadmin", "/x/..%2Fadmin", "/x/%2e%2e/admin", "/x/%2E%2E/admin",
        "/x/.%2e/admin", "/x/%2e./admin", "/x/%2e%2e%2fadmin",
        "/%2e/admin", "/%2e%2fadmin", @"/\admin", @"/x\..\admin", @"/x/..\admin", @"\admin", "/%5cadmin", "/%5Cadmin", "/x%5c..%5cadmin",
        "/x/..%5cadmin", "/x/..%5Cadmin", "/x/%2e%2e%5cadmin",
        "/admin;x", "/admin;/x", "/;/admin", "/x/..;/admin", "/x/..;a=b/admin", "/.;/admin", "/x/..%3b/admin", "/admin%3bx", "/admin%3Bx",
        "/admin%3fx", "/admin%23x", "/admin%20", "/admin%09", "/admin%0d%0a",
        "/admin%00", "/%00/admin", "/admin%00.css", "/x/%252e%252e/admin", "/x/..%252fadmin", "/x/..%255cadmin", "/%2561dmin",
        "/%25%36%31dmin", "/x/%c0%ae%c0%ae/admin", "/x/..%c0%afadmin",
        "/x/..%e0%80%afadmin", "/x/%uff0e%uff0e/admin", "/%u002fadmin", "/admin%", "/admin%2", "/admin%zz", "/%%32%66admin",
        "/x/...//admin", "/x/..../admin", "/x/.../admin", "/admin.", "/admin..", "/admin#x",
        "http://prefix.test/admin", "http://prefix.test/x/..%5cadmin", "http://prefix.test//admin", "https://prefix.test/admin",
        "http://prefix.test", "http://prefix.test?admin", "*", "admin",
        "/x/..\u0001/admin", "/adm\u007fin", "/x/\u00e0\u0080\u00ae/admin",
    ];

    private static readonly (string Host, string Match, Func<string, bool> Denies)[] Kinds =
    [
        ("prefix.test", "prefix: /admin", static p => p.StartsWith("/admin", StringComparison.Ordinal)),
        ("path.test", "path: /admin", static p => p == "/admin"),
        ("separated.test", "path_separated_prefix: /admin", static p => p == "/admin" || p.StartsWith("/admin/", StringComparison.Ordinal)),
        ("regex.test", "safe_regex: {regex: \"/admin.*\"}", static p => p.StartsWith("/admin", StringComparison.Ordinal)),
    ];

    public static TheoryData<string, string, string> Options
    {
        get
        {
            var options = new TheoryData<string, string, string>();
            foreach (var normalize in new[] { "false", "true" })
                foreach (var merge in new[] { "false", "true" })
                    foreach (var action in new[] { "KEEP_UNCHANGED", "REJECT_REQUEST", "UNESCAPE_AND_REDIRECT", "UNESCAPE_AND_FORWARD" })
                        options.Add(normalize, merge, action);
            return options;
        }
    }

    [Theory, MemberData(nameof(Options))]
    public async Task WhatIsMatched_IsWhatIsForwarded(string normalize, string merge, string action)
    {
        await using var up = RecordingUpstream.Start();
        const string matched = "request_headers_to_add: [{header: {key: x-matched, value: \"%REQ(:PATH)%\"}}]";
        const string others = "{match: {prefix: /}, route: {cluster: up}}";
        var hosts = string.Join(", ",
            Kinds.Select(k =>
                $"{{name: {k.Host}, domains: [{k.Host}], {matched}, routes: [{{match: {{{k.Match}}}, direct_response: {{status: "
                    + $"403}}}}, {others}]}}"));
        await using var proxy = await ProxyFixture.StartAsync(
            Edge.Document(up.Address, $"normalize_path: {normalize}, merge_slashes: {merge}, path_with_escaped_slashes_action: {action},",
                hosts: hosts));
        bool keeps = normalize == "false" && merge == "false" && action == "KEEP_UNCHANGED";
        bool full = normalize == "true" && merge == "true" && action == "UNESCAPE_AND_FORWARD";

        foreach (var (host, _, denies) in Kinds)
            foreach (var spelling in Spellings)
            {
                string at = $"{spelling} on {host}";
                int before = up.Requests.Count;
                await using var client = await proxy.ConnectAsync();
                var answer = await client.AskAsync($"GET {spelling} HTTP/1.1\r\nHost: {host}\r\n\r\n");
                if (answer.Status != 200) Assert.Equal(before, up.Requests.Count);
                switch (answer.Status)
                {
                    case 400 or 403:
                        break;
                    case 307:
                        Assert.Equal("UNESCAPE_AND_REDIRECT", action);
                        string location = answer["location"]!;
                        Assert.True(location[0] == '/' && (location.Length == 1 || location[1] is not ('/' or '\\')), $"{at}: {location}");
                        break;
                    case 200:
                        var seen = up.Requests[^1];
                        Assert.Equal(seen.Target, seen["x-matched"]);
                        Assert.False(denies(seen.Target.Split('?')[0]), $"{at}: {seen.Target} got by");
                        if (keeps) Assert.EndsWith(seen.Target, spelling == "http://prefix.test" ? "/" : spelling,
                            StringComparison.Ordinal);
                        if (full) Assert.False(denies(Resolve(seen.Target)), $"{at}: {seen.Target} resolves to it");
                        break;
                    default:
                        Assert.Fail($"{at}: {answer.Status}");
                        break;
                }
            }
    }

    [Theory]
    [InlineData("/static../secret", 400, null)]
    [InlineData("/static./secret", 400, null)]
    [InlineData("/static..", 400, null)]
    [InlineData("/static..x/y", 200, "/files/..x/y")]
    [InlineData("/static/../x", 200, "/files//../x")] // it was there before: without normalize_path that is the upstream's matter
    [InlineData("/static/x?/../", 200, "/files//x?/../")]
    public async Task ARewrite_MakesNoDotSegment(string sent, int status, string? seen)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(
            Edge.Document(up, routes: "{match: {prefix: /static}, route: {cluster: up, prefix_rewrite: /files/}}"));
        Assert.Equal(status, (await proxy.GetAsync(sent)).Status);
        Assert.Equal(seen, up.Requests.SingleOrDefault()?.Target);
        await Eventually.Async(() => proxy.Stat("cluster.up.upstream_rq_active") == 0, "it is counted out");
    }

    // As a server would that decodes slashes and dots once, cuts parameters off dot segments and takes a backslash for a slash.
    private static string Resolve(string target)
    {
        var path = target.Split('?')[0].Replace("%2F", "/").Replace("%5C", "/").Replace("%2E", ".").Replace('\\', '/');
        var kept = new List<string>();
        foreach (var segment in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            string name = segment.Split(';')[0];
            if (name == "..") { if (kept.Count > 0) kept.RemoveAt(kept.Count - 1); }
            else if (name != ".") kept.Add(segment);
        }
        return "/" + string.Join('/', kept) + (kept.Count > 0 && path.EndsWith('/') ? "/" : "");
    }
}
