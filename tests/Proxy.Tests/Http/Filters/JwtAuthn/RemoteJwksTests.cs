using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.JwtAuthn;

/// <summary>
/// Keys behind a URL: fetched once for all who wait, kept, fetched again; and servers of keys that are dead, slow or huge.
/// </summary>
public sealed class RemoteJwksTests : IAsyncLifetime
{
    private readonly RecordingUpstream _server = RecordingUpstream.Start("jwks");
    private ProxyFixture _proxy = null!;
    private static readonly string Token = Tokens.Sign("""{"iss":"r"}""", "RS256", "rsa");

    public async ValueTask InitializeAsync() => _proxy = await ProxyFixture.StartAsync("");

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        await _server.DisposeAsync();
    }

    private Task PublishAsync(string remote, string more = "") => _proxy.PublishAsync($$$$$$"""
        clusters: [{name: keys, endpoints: ["{{{{{{_server.Address}}}}}}"]}]
        listeners:
        - name: edge
          address: 127.0.0.1:0
          http_filters:
          - name: jwt_authn
            typed_config:
              providers: {r: {issuer: r, remote_jwks: {http_uri: {uri: "https://keys.test/the/set?x=1", cluster: keys, timeout: 10s}, {{{{{{remote}}}}}}}}}
              rules: [{match: {prefix: /}, requires: {provider_name: r}}]
              {{{{{{more}}}}}}
          routes: [{match: {prefix: /}, direct_response: {status: 200}}]
        """);

    private async Task<(int, string)> AskAsync()
    {
        var answer = await _proxy.GetAsync(headers: $"authorization: Bearer {Token}\r\n");
        return (answer.Status, answer.Text);
    }

    private long Stat(string name) => _proxy.Stat("http.edge.jwt_authn." + name);

    [Fact]
    public async Task Keys_AreFetchedOnceForAllWhoWait()
    {
        var held = new TaskCompletionSource();
        _server.OnHead = (_, _) => held.Task;
        _server.Answer = _ => RecordingUpstream.Ok($$"""{"keys":[{{Tokens.RsaKey("rsa")}}]}""");
        await PublishAsync("cache_duration: 3600s");
        var asking = Enumerable.Range(0, 20).Select(_ => AskAsync()).ToList();
        await Eventually.Async(() => _proxy.Stat("http.edge.downstream_rq_active") == 20, "all wait");
        held.SetResult();
        foreach (var one in asking) Assert.Equal((200, ""), await one);
        Assert.Equal((200, ""), await AskAsync());
        var request = Assert.Single(_server.Requests);
        Assert.Equal(("GET", "/the/set?x=1"), (request.Method, request.Target));
        Assert.Equal("keys.test", request["host"]);
        Assert.Equal(1, Stat("jwks_fetch_success"));
        Assert.Equal(21, Stat("allowed"));
        // A version with the same source has its keys.
        await PublishAsync("cache_duration: 3600s", "bypass_cors_preflight: true");
        Assert.Equal((200, ""), await AskAsync());
        Assert.Single(_server.Requests);
    }

    [Theory]
    [InlineData("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")]
    [InlineData("nonsense\r\n\r\n")]
    [InlineData("huge")]
    public async Task ServerThatFails_IsAskedOnceASecondAndNothingPasses(string answer)
    {
        if (answer == "huge")
        {
            int size = 10_000_000;
            answer = RecordingUpstream.Ok(new string(' ', size));
        }
        _server.Answer = _ => answer;
        await PublishAsync("cache_duration: 1s");
        for (int i = 0; i < 5; i++) Assert.Equal((401, "Jwks remote fetch is failed"), await AskAsync());
        Assert.InRange(Stat("jwks_fetch_failed"), 1, 4); // a slow machine may take more than a second for these
        Assert.Equal(5, Stat("denied"));
    }

    [Fact]
    public async Task DeadServer_IsTriedAgainAsThePolicySays()
    {
        int asked = 0;
        _server.Answer = _ => ++asked < 3 ? "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n" : RecordingUpstream.Ok(Tokens.Jwks);
        await PublishAsync("retry_policy: {num_retries: 3, retry_back_off: {base_interval: 0.001s, max_interval: 0.01s}}");
        Assert.Equal((200, ""), await AskAsync());
        Assert.Equal(3, asked);
        Assert.Equal((1, 0), (Stat("jwks_fetch_success"), Stat("jwks_fetch_failed")));
    }

    [Fact]
    public async Task AsyncFetch_HasKeysBeforeTheyAreAskedFor()
    {
        int asked = 0;
        _server.Answer = _ => ++asked == 1 ? "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n" : RecordingUpstream.Ok(Tokens.Jwks);
        await PublishAsync("cache_duration: 0.05s, async_fetch: {fast_listener: true, failed_refetch_duration: 0.01s}");
        await Eventually.Async(() => Stat("jwks_fetch_success") >= 2, "fetched again before anybody asked");
        _server.Answer = _ => "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n";
        long failed = Stat("jwks_fetch_failed");
        await Eventually.Async(() => Stat("jwks_fetch_failed") > failed + 1, "the server is down");
        Assert.Equal((200, ""), await AskAsync()); // with the keys of before
    }

    [Fact]
    public async Task SlowServer_HoldsItsRequestsUpAndNothingElse()
    {
        _server.Answer = _ => null;
        _server.OnHead = (_, _) => new TaskCompletionSource().Task; // for ever
        await PublishAsync("cache_duration: 1s");
        await using var waits = await _proxy.ConnectAsync();
        await waits.GetAsync(headers: $"authorization: Bearer {Token}\r\n");
        await Eventually.Async(() => _server.Open == 1, "asked for");
        Assert.Equal(401, (await _proxy.GetAsync()).Status); // needs no keys
        waits.Reset(); // who waits may go
        await Eventually.Async(() => _proxy.Stat("http.edge.downstream_rq_active") == 0, "gone");
        await PublishAsync("cache_duration: 2s"); // nor does a publication wait
    }
}
