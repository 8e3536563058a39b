using System.Text;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters;

/// <summary>
/// Odd spellings of a path that is guarded: what the filters decide about is what goes on, byte for byte, and with the path rules on no
/// spelling of the guarded path gets past them.
/// </summary>
public sealed class PathSpellingTests(PathSpellingTests.Edge edge) : IClassFixture<PathSpellingTests.Edge>
{
    private static readonly string[] Spellings =
    [
        "/admin", "/admin/", "/admin/x", "/admin?x", "/admin;x", "/admin%3Bx", "/admin/..;/x", "/admin/.", "/admin/./x", "/admin/%2e",
        "//admin", "///admin", "/./admin", "/././admin", "/x/../admin", "/x//../admin", "/x/./../admin", "/x/y/../../admin", "/admin//",
        "/%61dmin", "/%61%64%6d%69%6e", "/%41dmin", "/adm%69n", "/%2fadmin", "/%2Fadmin", "/%2f%2fadmin", "/x%2f..%2fadmin",
        "/x/%2e%2e/admin", "/x/.%2e/admin", "/x/%2e./admin", "/x/%2E%2E/admin", "/%2e/admin", "/.%2fadmin", "/x/..%2fadmin",
        "/x%5c..%5cadmin", "/x\\..\\admin", "/\\admin", "\\admin", "/%5cadmin", "/x/..\\admin", "/x/%2e%2e%5cadmin",
        "/%2561dmin", "/%252fadmin", "/%25%36%31dmin", "/ADMIN", "/Admin", "/aDMIN/", "/admin%20", "/admin%00", "/%00/admin", "/admin%0a",
        "/admin#x", "/;x/admin", "/x;y/../admin", "/x/..;y/admin", "/x/;/../admin", "/?/../admin", "/x?/../admin", "/admin..", "/..admin",
        "/../admin", "/x/../../admin", "/%c0%afadmin", "/%u002fadmin", "/%", "/%6", "/%zzadmin", "http://example.test/admin",
        "http://example.test//admin", "http://other.test/x/../admin",
    ];

    public static TheoryData<string> All => [.. Spellings];

    /// <summary>Guards with the path rules, and one without; the service refuses what begins with the guarded path.</summary>
    public sealed class Edge : IAsyncLifetime
    {
        public RecordingUpstream Service { get; } = RecordingUpstream.Start("authz");
        public RecordingUpstream Upstream { get; } = RecordingUpstream.Start("up");
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Service.Answer = r => r.Target.StartsWith("/admin", StringComparison.Ordinal) ? "HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n"
                : "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            const string rules = "normalize_path: true, merge_slashes: true, path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD,";
            const string jwt = "{name: jwt_authn, typed_config: {providers: {p: {local_jwks: {inline_string: '{\"keys\":[{\"kty\":\"oct\","
                + "\"k\":\"AAAA\"}]}'}}}, rules: [{match: {prefix: /admin}, requires: {provider_name: p}}]}}";
            const string authz = "{name: ext_authz, typed_config: {http_service: {server_uri: {uri: 'http://a', cluster: authz, "
                + "timeout: 20s}}}}";
            const string rbac = "{name: rbac, typed_config: {rules: {action: DENY, policies: {p: {permissions: "
                + "[{url_path: {path: {prefix: /admin}}}], principals: [{any: true}]}}}}}";
            Proxy = await ProxyFixture.StartAsync($$"""
                clusters:
                - {name: up, endpoints: ["{{Upstream.Address}}"]}
                - {name: authz, endpoints: ["{{Service.Address}}"]}
                listeners:
                {{Listener("jwt", rules, jwt)}}
                {{Listener("rbac", rules, rbac)}}
                {{Listener("authz", rules, authz)}}
                {{Listener("plain", "", authz)}}
                """);

            static string Listener(string name, string rules, string filter) => $"- {{name: {name}, address: '127.0.0.1:0', filter_chains: "
                + $"[{{filters: [{{name: http_connection_manager, typed_config: {{stat_prefix: {name}, {rules} http_filters: [{filter}, "
                + "{name: router}], route_config: {virtual_hosts: [{name: all, domains: ['*'], "
                + "routes: [{match: {prefix: /}, route: {cluster: up}}]}]}}}]}]}";
        }

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Service.DisposeAsync();
            await Upstream.DisposeAsync();
        }
    }

    [Theory, MemberData(nameof(All))]
    public async Task Spelling_IsForwardedAsItWasDecidedAboutOrNotAtAll(string target)
    {
        foreach (string listener in new[] { "jwt", "rbac", "authz", "plain" })
        {
            edge.Service.Clear();
            edge.Upstream.Clear();
            await using var client = await edge.Proxy.ConnectAsync(listener);
            var answer = await client.AskAsync($"GET {target} HTTP/1.1\r\nHost: example.test\r\n\r\n");
            if (edge.Upstream.Requests is not [var forwarded])
            {
                Assert.True(answer.Status is 400 or 401 or 403 or 404, $"{listener}: {answer.Status}");
                continue;
            }
            Assert.Equal(200, answer.Status);
            if (listener is "authz" or "plain") Assert.Equal(Assert.Single(edge.Service.Requests).Target, forwarded.Target);
            Assert.False(forwarded.Target.StartsWith("/admin", StringComparison.Ordinal), listener);
            if (listener == "plain") continue;
            Assert.False(AsAServerReadsIt(forwarded.Target).StartsWith("/admin", StringComparison.Ordinal), listener);
        }
    }

    // Decoded once, either slash, runs of slashes as one, dot segments gone.
    private static string AsAServerReadsIt(string target)
    {
        var path = new StringBuilder();
        string decoded = Uri.UnescapeDataString(target.Split('?')[0]).Replace('\\', '/');
        foreach (string segment in decoded.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (segment == ".") continue;
            if (segment != "..") path.Append('/').Append(segment);
            else path.Length = Math.Max(0, path.ToString().LastIndexOf('/'));
        }
        return path.ToString();
    }
}
