using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Router;

/// <summary>Four endpoints that say who they are, and routes that go by different things of a request.</summary>
public sealed class HashPolicyTests(HashPolicyTests.Edge edge) : IClassFixture<HashPolicyTests.Edge>
{
    public sealed class Edge : IAsyncLifetime
    {
        private readonly List<RecordingUpstream> _up = [.. Enumerable.Range(0, 4).Select(i => RecordingUpstream.Start("up" + i))];

        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Proxy = await ProxyFixture.StartAsync($$"""
            listeners:
            - name: edge
              address: "127.0.0.1:0"
              routes:
              - match: {prefix: /header}
                route: {cluster: ring, hash_policy: [{header: {header_name: x-user, regex_rewrite: {pattern: {regex: "-.*"}, substitution: ""} } }]}
              - match: {prefix: /cookie}
                route: {cluster: maglev, hash_policy: [{cookie: {name: sid, ttl: 60s, path: /, attributes: [{name: SameSite, value: Lax}]} }]}
              - match: {prefix: /given}
                route: {cluster: maglev, hash_policy: [{cookie: {name: sid} }]}
              - match: {prefix: /client}
                route: {cluster: ring, hash_policy: [{connection_properties: {source_ip: true} }]}
              - match: {prefix: /query}
                route: {cluster: ring, hash_policy: [{query_parameter: {name: id}, terminal: true}, {header: {header_name: x-user} }]}
              - match: {prefix: /both}
                route: {cluster: ring, hash_policy: [{query_parameter: {name: id} }, {header: {header_name: x-user} }]}
              - match: {prefix: /robin}
                route: {cluster: robin, hash_policy: [{cookie: {name: sid, ttl: 60s} }]}
            clusters:
            - {name: ring, lb_policy: RING_HASH, endpoints: [{{All}}], ring_hash_lb_config: {minimum_ring_size: 4096} }
            - {name: maglev, lb_policy: MAGLEV, endpoints: [{{All}}], maglev_lb_config: {table_size: 251} }
            - {name: robin, endpoints: [{{All}}]}
            """);

        private string All => string.Join(", ", _up.Select(u => $"'{u.Address}'"));

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            foreach (var up in _up) await up.DisposeAsync();
        }
    }

    /// <summary>Twenty values: the same goes to the same endpoint, all together to more than one.</summary>
    [Theory]
    [InlineData("/header", "x-user: {0}-{1}\r\n")]
    [InlineData("/given", "cookie: a=b; sid={0}; c=d{1}\r\n")]
    [InlineData("/cookie", "cookie: sid=\"{0}\"\r\n")]
    [InlineData("/query?id={0}", "x-user: {1}\r\n")] // terminal: the header does not count
    [InlineData("/both?id={0}", "x-user: {0}\r\n")]
    public async Task SameValue_GoesToTheSameEndpoint(string target, string headers)
    {
        var all = new HashSet<string>();
        for (int value = 0; value < 20; value++)
        {
            var its = new HashSet<string>();
            for (int time = 0; time < 3; time++)
                its.Add(await WhoAsync(string.Format(null, target, value, time), string.Format(null, headers, value, time)));
            all.Add(Assert.Single(its));
        }
        Assert.True(all.Count > 1);
    }

    [Fact]
    public async Task SecondPolicy_CountsWhereTheFirstIsNotTerminal()
    {
        var all = new HashSet<string>();
        for (int i = 0; i < 20; i++) all.Add(await WhoAsync("/both?id=1", $"x-user: {i}\r\n"));
        Assert.True(all.Count > 1);
    }

    [Fact]
    public async Task ClientsAddress_IsEnough()
    {
        var all = new HashSet<string>();
        for (int i = 0; i < 8; i++) all.Add(await WhoAsync("/client", ""));
        Assert.Single(all);
    }

    [Fact]
    public async Task CookieThatIsMissing_IsMade_AndLeadsBack()
    {
        var first = await edge.Proxy.GetAsync("/cookie");
        string cookie = first["set-cookie"]!;
        Assert.Matches("^sid=\"[0-9a-f]{16}\"; Max-Age=60; Path=/; SameSite=Lax; HttpOnly$", cookie);
        string who = first["x-upstream"]!;
        for (int i = 0; i < 5; i++)
        {
            var next = await edge.Proxy.GetAsync("/cookie", headers: $"cookie: {cookie.Split(';')[0]}\r\n");
            Assert.Equal((who, null), (next["x-upstream"], next["set-cookie"]));
        }
        // Only where it decides something.
        Assert.Null((await edge.Proxy.GetAsync("/given"))["set-cookie"]);
        Assert.Null((await edge.Proxy.GetAsync("/robin"))["set-cookie"]);
    }

    private async Task<string> WhoAsync(string target, string headers)
        => (await edge.Proxy.GetAsync(target, headers: headers))["x-upstream"]!;
}
