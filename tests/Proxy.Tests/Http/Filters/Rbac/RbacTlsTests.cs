using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Rbac;

/// <summary>Who a client is by its certificate.</summary>
public sealed class RbacTlsTests
{
    [Theory]
    [InlineData("", true, true)]
    [InlineData("principal_name: {exact: spiffe://td/ns/a/sa/one}", true, false)]
    [InlineData("principal_name: {exact: one.test}", true, false)]
    [InlineData("principal_name: {exact: CN=one}", true, false)]
    [InlineData("principal_name: {prefix: CN=}", true, true)]
    [InlineData("principal_name: {exact: CN=nobody}", false, false)]
    public async Task Certificate_NamesItsOwner(string name, bool one, bool two)
    {
        using var authority = new TestAuthority();
        using var others = new TestAuthority("Others");
        var web = authority.Issue("CN=web", ["web.test"]);
        var first = authority.Issue("CN=one", ["one.test"], more: san => san.AddUri(new Uri("spiffe://td/ns/a/sa/one")), forClients: true);
        var second = authority.Issue("CN=two", forClients: true);
        var forged = others.Issue("CN=one", ["one.test"], more: san => san.AddUri(new Uri("spiffe://td/ns/a/sa/one")), forClients: true);
        await using var proxy = await ProxyFixture.StartAsync(Document(web, authority, name));
        Assert.Equal((one ? 200 : 403, two ? 200 : 403), (await StatusAsync(proxy, first), await StatusAsync(proxy, second)));
        // Its certificate is taken though nobody vouches for it: then it names nobody.
        Assert.Equal(name.Length == 0 ? 200 : 403, await StatusAsync(proxy, forged));
        Assert.Equal(name.Length == 0 ? 200 : 403, await StatusAsync(proxy, null));
    }

    private static string Document(TestCertificate web, TestAuthority authority, string name) => $$$$"""
        listeners:
        - name: edge
          address: "127.0.0.1:0"
          filter_chains:
          - transport_socket:
              name: tls
              typed_config:
                common_tls_context:
                  tls_certificates: [{{{{TlsYaml.Certificate(web)}}}}]
                  validation_context: {trusted_ca: {{{{TlsYaml.Inline(authority.Pem)}}}}, trust_chain_verification: ACCEPT_UNTRUSTED}
            filters:
            - name: http_connection_manager
              typed_config:
                stat_prefix: edge
                http_filters:
                - name: rbac
                  typed_config: {rules: {policies: {p: {permissions: [{any: true}], principals: [{authenticated: { {{{{name}}}} } }] } } } }
                - name: router
                route_config: {name: r, virtual_hosts: [{name: v, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200}}]}]}
        """;

    private static async Task<int> StatusAsync(ProxyFixture proxy, TestCertificate? certificate)
    {
        using var own = certificate?.ForDotNet();
        await using var stream = await TlsYaml.ConnectAsync(proxy.EndPoint(), "web.test", own);
        return int.Parse((await TlsYaml.GetAsync(stream)).AsSpan(9, 3), null);
    }
}
