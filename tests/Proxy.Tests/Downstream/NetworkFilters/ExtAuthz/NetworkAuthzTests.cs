using Managed.Proxy.Tests.Http.Filters.ExtAuthz;
using Managed.TestKit;
using Xunit;
using static Managed.Proxy.Tests.Http.Filters.ExtAuthz.AuthzServer;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters.ExtAuthz;

public sealed class NetworkAuthzTests(NetworkAuthzTests.Edge edge) : IClassFixture<NetworkAuthzTests.Edge>
{
    public sealed class Edge : IAsyncLifetime
    {
        internal AuthzServer Server { get; private set; } = null!;
        public RecordingUpstream Banner { get; } = RecordingUpstream.Start("banner");
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Server = await StartAsync();
            Banner.Script = static async peer =>
            {
                await peer.SendAsync("hello");
                await peer.ReadSomeAsync();
            };
            string Listener(string name, string service = "", string more = "", string cluster = "authz", string last = "{name: echo}")
                => $"- {{name: {name}, address: '127.0.0.1:0', filter_chains: [{{name: main, filters: [{{name: ext_authz, typed_config: "
                    + $"{{stat_prefix: {name}, grpc_service: {{envoy_grpc: {{cluster_name: {cluster}}}{service}}}{more}}}}}, "
                    + $"{last}]}}]}}\n";
            Proxy = await ProxyFixture.StartAsync($"clusters: [{{name: authz, endpoints: ['127.0.0.1:{Server.Port}']}}, "
                + $"{{name: banner, endpoints: ['{Banner.Address}']}}, {{name: dead, endpoints: ['127.0.0.1:1']}}]\nlisteners:\n"
                + Listener("echo", ", timeout: 20s, initial_metadata: [{key: x-meta, value: m}]")
                + Listener("new", ", timeout: 20s", ", check_on_new_connection: true, transport_api_version: V3, include_tls_session: true")
                + Listener("banner", ", timeout: 20s", last: "{name: tcp_proxy, typed_config: {stat_prefix: t, cluster: banner}}")
                + Listener("slow", ", timeout: 0.05s") + Listener("dead", cluster: "dead")
                + Listener("open", more: ", failure_mode_allow: true", cluster: "dead"));
        }

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Server.DisposeAsync();
            await Banner.DisposeAsync();
        }
    }

    private async Task<string> SayAsync(string listener, string says = "hello")
    {
        await using var client = await edge.Proxy.ConnectAsync(listener);
        if (says.Length > 0) await client.SendAsync(says);
        try
        {
            return await client.ReadTextAsync(5);
        }
        catch (Exception e) when (e is WireException or System.Net.Sockets.SocketException)
        {
            return "";
        }
    }

    private (long Total, long Ok, long Denied, long Closed) Counts(string listener)
        => (Stat(listener, "total"), Stat(listener, "ok"), Stat(listener, "denied"), Stat(listener, "cx_closed"));

    private long Stat(string listener, string name) => edge.Proxy.Stat($"ext_authz.{listener}.{name}");

    [Theory]
    [InlineData("echo")]
    [InlineData("new")]
    [InlineData("banner")]
    public async Task Connection_IsDecidedAboutOnce(string listener)
    {
        (edge.Server.Hangs, edge.Server.Answer) = (false, _ => []);
        int asked = edge.Server.Asked;
        var before = Counts(listener);
        Assert.Equal("hello", await SayAsync(listener, listener == "banner" ? "" : "hello"));
        Assert.Equal(("127.0.0.1", listener == "echo" ? "m" : null), (edge.Server.Field(1, 1, 1, 1, 2), edge.Server.SeenMetadata));
        Assert.Equal("127.0.0.1", edge.Server.Field(1, 2, 1, 1, 2));
        edge.Server.Answer = _ => Message((1, Message((1, 7))));
        Assert.Equal("", await SayAsync(listener, listener == "banner" ? "" : "hello"));
        Assert.Equal(asked + 2, edge.Server.Asked);
        var after = Counts(listener);
        Assert.Equal((2, 1, 1, 1), (after.Total - before.Total, after.Ok - before.Ok, after.Denied - before.Denied,
            after.Closed - before.Closed));
    }

    [Theory]
    [InlineData("slow", "")]
    [InlineData("dead", "")]
    [InlineData("open", "hello")]
    [InlineData("echo", "")] // malformed
    public async Task ServiceThatFails_ClosesUnlessAllowed(string listener, string comes)
    {
        (edge.Server.Hangs, edge.Server.Answer) = (listener == "slow", _ => [0xFF, 0xFF]);
        long errors = Stat(listener, "error");
        int asked = edge.Server.Asked;
        Assert.Equal(comes, await SayAsync(listener));
        Assert.Equal((errors + 1, comes.Length > 0 ? 1 : 0, listener == "slow" ? 1 : 0, 0), (Stat(listener, "error"),
            Stat(listener, "failure_mode_allowed"), Stat(listener, "timeout"), Stat(listener, "active")));
        // A call that was given up must not come to the service in the middle of another test.
        if (listener is "slow") await Eventually.Async(() => edge.Server.Asked == asked + 1, "the call to come");
        edge.Server.Hangs = false;
    }

    [Fact]
    public async Task ClientThatGoes_IsNotAskedForAnyMore()
    {
        (edge.Server.Hangs, edge.Server.Answer) = (true, _ => []);
        int asked = edge.Server.Asked;
        await using (var client = await edge.Proxy.ConnectAsync("echo"))
        {
            await client.SendAsync("hello");
            await Eventually.Async(() => Stat("echo", "active") == 1 && edge.Server.Asked == asked + 1, "asked");
            client.Reset();
        }
        await Eventually.Async(() => Stat("echo", "active") == 0, "given up");
        edge.Server.Hangs = false;
    }

    [Theory]
    [InlineData("stat_prefix: a, grpc_service: {envoy_grpc: {cluster_name: none}}", "cluster 'none' does not exist")]
    [InlineData("stat_prefix: a", "'grpc_service' is missing")]
    [InlineData("stat_prefix: a, filter_enabled_metadata: {}, grpc_service: {envoy_grpc: {cluster_name: c}}",
        "'filter_enabled_metadata' is not supported")]
    public void WrongConfiguration_IsRefused(string config, string says)
        => Assert.Contains(edge.Proxy.Build("listeners: [{name: a, address: '127.0.0.1:0', filter_chains: [{filters: [{name: ext_authz, "
            + $"typed_config: {{{config}}}}}, {{name: echo}}]}}]}}]").Errors, e => e.Detail.Contains(says, StringComparison.Ordinal));
}
