using System.Text;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.StatefulSession;

/// <summary>Sessions that stay at their endpoint, by cookie and by header, before four endpoints.</summary>
public sealed class StatefulSessionTests : IAsyncLifetime
{
    private readonly RecordingUpstream[] _up = [.. "abcd".Select(c => RecordingUpstream.Start(c.ToString()))];
    private ProxyFixture _proxy = null!;

    private const string Header = "session_state: {name: envoy.http.stateful_session.header, typed_config: {'@type': type.googleapis.com/"
        + "envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState, name: X-Session} }";

    public async ValueTask InitializeAsync() => _proxy = await ProxyFixture.StartAsync($$"""
        listeners:
        - name: edge
          address: "127.0.0.1:0"
          http_filters:
          - name: stateful_session
            typed_config:
              session_state:
                name: envoy.http.stateful_session.cookie
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState
                  cookie: {name: s, ttl: 100s, path: /shop, attributes: [{name: SameSite, value: Lax}]}
          routes:
          - {match: {prefix: /shop}, route: {cluster: all} }
          - match: {prefix: /header}
            route: {cluster: all}
            typed_per_filter_config: {stateful_session: {stateful_session: { {{Header}} } } }
          - match: {prefix: /strict}
            route: {cluster: all}
            typed_per_filter_config: {stateful_session: {stateful_session: {strict: true, {{Header}} } } }
          - match: {prefix: /off}
            route: {cluster: all}
            typed_per_filter_config: {stateful_session: {disabled: true} }
          - match: {prefix: /healthy}
            route: {cluster: healthy}
            typed_per_filter_config: {stateful_session: {stateful_session: { {{Header}} } } }
          - match: {prefix: /draining}
            route: {cluster: draining}
            typed_per_filter_config: {stateful_session: {stateful_session: { {{Header}} } } }
        clusters:
        - {name: all, endpoints: [{{string.Join(", ", _up.Select(u => $"\"{u.Address}\""))}}]}
        - {name: healthy, endpoints: ["{{_up[0].Address}}", {address: "{{_up[1].Address}}", health_status: DEGRADED}, "{{_up[2].Address}}", "{{_up[3].Address}}"],
            common_lb_config: {override_host_status: {statuses: [HEALTHY, UNKNOWN]} } }
        - {name: draining, endpoints: ["{{_up[0].Address}}", {address: "{{_up[1].Address}}", health_status: DRAINING}], common_lb_config:
            {override_host_status: {statuses: [DRAINING]} } }
        """);

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        foreach (var up in _up) await up.DisposeAsync();
    }

    private static string Encoded(string text) => Convert.ToBase64String(Encoding.Latin1.GetBytes(text));

    [Fact]
    public async Task Cookie_KeepsASessionAtItsEndpoint()
    {
        var first = await _proxy.GetAsync("/shop");
        string cookie = first["set-cookie"]!;
        Assert.Matches("^s=\"[A-Za-z0-9+/=]+\"; Max-Age=100; Path=/shop; SameSite=Lax; HttpOnly$", cookie);
        string text = Encoding.Latin1.GetString(Convert.FromBase64String(cookie.Split('"')[1]));
        string address = _up.Single(u => u.Name == first.Text[..1]).Address;
        Assert.StartsWith($"\n{(char)address.Length}{address}\u0010", text, StringComparison.Ordinal);
        for (int i = 0; i < 8; i++)
        {
            var next = await _proxy.GetAsync("/shop/cart", headers: $"cookie: a=b; {cookie.Split(';')[0]}\r\n");
            Assert.Equal((first.Text[..1], null), (next.Text[..1], next["set-cookie"]));
        }
    }

    [Theory]
    [InlineData("not base64!")]
    [InlineData("")]
    [InlineData("AAAA")]
    [InlineData("ADDRESS 10.0.0.1:80")] // of nobody
    [InlineData("EXPIRED")]
    public async Task CookieThatSaysNothing_BeginsASession(string value)
    {
        if (value == "EXPIRED") value = Encoded($"\n{(char)_up[0].Address.Length}{_up[0].Address}\u0010\u0001");
        if (value.StartsWith("ADDRESS ", StringComparison.Ordinal)) value = Encoded("\n\u000b10.0.0.1:80");
        var response = await _proxy.GetAsync("/shop", headers: $"cookie: s={value}\r\n");
        Assert.Equal(200, response.Status);
        Assert.NotNull(response["set-cookie"]);
    }

    [Theory]
    [InlineData("/off")]
    [InlineData("/shopping")] // not below the cookie's path
    public async Task RequestWithoutSessions_GetsNone(string path)
        => Assert.Null((await _proxy.GetAsync(path))["set-cookie"]);

    [Fact]
    public async Task Header_IsInEachAnswer_AndAsksForAnEndpoint()
    {
        foreach (var up in _up)
        {
            var response = await _proxy.GetAsync("/header", headers: $"x-session: {Encoded(up.Address)}\r\n");
            Assert.Equal((up.Name, Encoded(up.Address)), (response.Text[..1], response["x-session"]));
        }
        Assert.NotNull((await _proxy.GetAsync("/header"))["x-session"]);
    }

    [Theory]
    [InlineData("/header", 200)]
    [InlineData("/strict", 503)]
    public async Task EndpointThatIsGone_IsReplaced_UnlessStrict(string path, int status)
        => Assert.Equal(status, (await _proxy.GetAsync(path, headers: $"x-session: {Encoded("10.0.0.1:80")}\r\n")).Status);

    [Theory]
    [InlineData("/healthy", 0, "a")]
    [InlineData("/healthy", 1, "acd")] // degraded ones are not among the statuses
    [InlineData("/draining", 1, "b")]
    public async Task OverrideHostStatus_SaysWhichMayBeAskedFor(string path, int asked, string answered)
    {
        for (int i = 0; i < 4; i++)
            Assert.Contains((await _proxy.GetAsync(path, headers: $"x-session: {Encoded(_up[asked].Address)}\r\n")).Text[..1], answered,
                StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("session_state: {name: x, typed_config: {'@type': type.googleapis.com/envoy.extensions.http.stateful_session.envelope.v3."
        + "EnvelopeSessionState} }", "is not available")]
    [InlineData("session_state: {name: envoy.http.stateful_session.header, typed_config: {name: 'a b'} }", "is not a header name")]
    [InlineData("session_state: {name: envoy.http.stateful_session.cookie, typed_config: {cookie: {name: 'a b'} } }", "is a token")]
    [InlineData("session_state: {name: envoy.http.stateful_session.cookie}", "typed_config")]
    public void Mistake_IsSaid(string config, string message)
    {
        var built = _proxy.Build($$"""
            listeners:
            - name: edge
              address: "127.0.0.1:0"
              http_filters: [{name: stateful_session, typed_config: { {{config}} } }]
              routes: [{match: {prefix: /}, route: {cluster: all} }]
            clusters: [{name: all, endpoints: []}]
            """);
        Assert.Contains(built.Errors, e => $"{e.Pointer} {e.Detail}".Contains(message, StringComparison.Ordinal));
    }
}
