using System.Globalization;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.CustomResponse;

public sealed class CustomResponseTests(CustomResponseTests.Edge edge) : IClassFixture<CustomResponseTests.Edge>
{
    public sealed class Edge : IAsyncLifetime
    {
        public RecordingUpstream Upstream { get; } = RecordingUpstream.Start("up");
        public ProxyFixture Proxy { get; private set; } = null!;

        private static string Input(string kind, string more = "")
            => $"{{name: i, typed_config: {{'@type': type.googleapis.com/envoy.type.matcher.v3.{kind}{more}}}}}";

        private static string Test(string kind, string value, string more = "")
            => $"{{single_predicate: {{input: {Input(kind, more)}, value_match: {{{value}}}}}}}";

        private static string Then(string body, string more = "") => "{action: {name: a, typed_config: {'@type': type.googleapis.com/"
            + "envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy, "
            + $"body: {{inline_string: {body}}}{more}}}}}}}";

        public async ValueTask InitializeAsync()
        {
            string sorry = Then("sorry", ", status_code: 299, response_headers_to_add: [{header: {key: x-a, value: '%RESPONSE_CODE%'}}]");
            string gone = Then("gone", ", body_format: {json_format: {was: '%LOCAL_REPLY_BODY%', code: '%RESPONSE_CODE%'}}");
            string byHeader = Input("HttpResponseHeaderMatchInput", ", header_name: x-kind");
            Proxy = await ProxyFixture.StartAsync($$$"""
                clusters:
                - {name: up, endpoints: ["{{{Upstream.Address}}}"]}
                - {name: dead, endpoints: ["127.0.0.1:1"]}
                listeners:
                - name: edge
                  address: 127.0.0.1:0
                  http_filters:
                  - name: custom_response
                    typed_config:
                      custom_response_matcher:
                        matcher_list:
                          matchers:
                          - predicate: {{{Test("HttpResponseStatusCodeClassMatchInput", "exact: 5xx")}}}
                            on_match: {{{sorry}}}
                          - predicate:
                              and_matcher:
                                predicate:
                                - {{{Test("HttpResponseStatusCodeMatchInput", "exact: '404'")}}}
                                - {not_matcher: {{{Test("HttpRequestHeaderMatchInput", "prefix: a", ", header_name: X-Raw")}}} }
                            on_match: {{{gone}}}
                          - predicate:
                              and_matcher:
                                predicate:
                                - {{{Test("HttpResponseStatusCodeMatchInput", "exact: '202'")}}}
                                - {{{Test("HttpResponseLocalReplyMatchInput", "exact: 'true'")}}}
                            on_match: {{{Then("own")}}}
                          - predicate:
                              or_matcher:
                                predicate:
                                - {{{Test("HttpResponseHeaderMatchInput", "exact: 'x,y'", ", header_name: x-many")}}}
                                - {{{Test("HttpResponseStatusCodeMatchInput", "exact: '418'")}}}
                            on_match:
                              matcher:
                                matcher_tree:
                                  input: {{{Input("HttpResponseStatusCodeMatchInput")}}}
                                  exact_match_map: {map: {'418': {{{Then("tea")}}} } }
                                on_no_match: {{{Then("other")}}}
                  routes:
                  - match: {prefix: /route}
                    route: {cluster: up}
                    typed_per_filter_config:
                      custom_response:
                        custom_response_matcher:
                          matcher_tree:
                            input: {{{byHeader}}}
                            prefix_match_map: {map: {a: {{{Then("short")}}}, ab: {{{Then("long")}}} } }
                  - {match: {prefix: /dead}, route: {cluster: dead}}
                  - {match: {prefix: /direct}, direct_response: {status: 202}}
                  - {match: {prefix: /}, route: {cluster: up}}
                """);
        }

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Upstream.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("/", "", 200, "", 200, "as it was")]
    [InlineData("/", "", 503, "", 299, "sorry")]
    [InlineData("/dead", "", 0, "", 299, "sorry")] // a reply of the proxy's own
    [InlineData("/direct", "", 0, "", 202, "own")]
    [InlineData("/", "", 202, "", 202, "as it was")]
    [InlineData("/", "", 404, "", 404, "{\"was\":\"gone\",\"code\":404}\n")]
    [InlineData("/", "x-raw: abc\r\n", 404, "", 404, "as it was")]
    [InlineData("/", "", 418, "", 418, "tea")]
    [InlineData("/", "", 200, "x-many: x\r\nx-many: y\r\n", 200, "other")]
    [InlineData("/route", "", 200, "x-kind: abc\r\n", 200, "long")]
    [InlineData("/route", "", 200, "x-kind: acb\r\n", 200, "short")]
    [InlineData("/route", "", 500, "x-kind: c\r\n", 299, "sorry")] // the route finds nothing
    public async Task Response_IsTheOneThatMatches(string path, string fields, int upstream, string answered, int status,
        string body)
    {
        string code = upstream.ToString(CultureInfo.InvariantCulture);
        edge.Upstream.Answer = _ => $"HTTP/1.1 {code} X\r\n{answered}content-length: 9\r\n\r\nas it was";
        var answer = await edge.Proxy.GetAsync(path, headers: fields);
        Assert.Equal((status, body), (answer.Status, answer.Text));
        Assert.Equal(status == 299 ? "299" : null, answer["x-a"]);
        if (body.StartsWith('{')) Assert.Equal("application/json", answer["content-type"]);
    }

    [Theory]
    [InlineData("custom_response_matcher: {matcher_tree: {input: {typed_config: {'@type': a/b.C}}, exact_match_map: {map: "
        + "{a: {matcher: {}}}}}}",
        "the input 'b.C' is not available")]
    [InlineData("custom_response_matcher: {on_no_match: {keep_matching: true, matcher: {}}}", "'keep_matching' is not supported")]
    public void WrongConfiguration_IsRefused(string config, string says)
        => Assert.Contains(edge.Proxy.Build("listeners: [{name: a, address: '127.0.0.1:0', routes: [], http_filters: [{name: "
            + $"custom_response, typed_config: {{{config}}}}}]}}]").Errors, e => e.Detail.Contains(says, StringComparison.Ordinal));
}
