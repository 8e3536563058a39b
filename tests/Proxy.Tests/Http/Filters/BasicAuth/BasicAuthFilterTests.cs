using System.Security.Cryptography;
using System.Text;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.BasicAuth;

public sealed class BasicAuthFilterTests(BasicAuthFilterTests.Edge edge) : IClassFixture<BasicAuthFilterTests.Edge>
{
    public sealed class Edge : IAsyncLifetime
    {
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Proxy = await ProxyFixture.StartAsync($$$$"""
            listeners:
            - name: edge
              address: 127.0.0.1:0
              http_filters:
              - name: basic_auth
                typed_config:
                  users: {inline_string: "# who may\n\njo:{{{{Hash("pass:word")}}}}\r\nzoë:{{{{Hash("ü")}}}}\n"}
                  forward_username_header: X-User
              routes:
              - match: {prefix: /route}
                direct_response: {status: 200}
                typed_per_filter_config: {basic_auth: {users: {inline_string: "al:{{{{Hash("x")}}}}"}}}
              - {match: {prefix: /off}, direct_response: {status: 200}, typed_per_filter_config: {basic_auth: {disabled: true}}}
              - {match: {prefix: /}, direct_response: {status: 200, body_format: {text_format: "[%REQ(x-user)%]"}}}
            - name: other
              address: 127.0.0.1:0
              http_filters:
              - name: basic_auth
                typed_config: {users: {inline_string: "jo:{{{{Hash("p")}}}}"}, authentication_header: x-auth}
              routes: [{match: {prefix: /}, direct_response: {status: 200}}]
            """);

        public ValueTask DisposeAsync() => Proxy.DisposeAsync();
    }

    private const string Missing = "User authentication failed. Missing username and password.",
        Scheme = "User authentication failed. Expected 'Basic' authentication scheme.",
        Format = "User authentication failed. Invalid basic credential format.",
        Wrong = "User authentication failed. Invalid username/password combination.";

    [Theory]
    [InlineData("/", "jo:pass:word", "[jo]")]
    [InlineData("/", "zoë:ü", "[zoë]")]
    [InlineData("/", "jo:pass:word|x-user: forged", "[jo]")]
    [InlineData("/", "jo:wrong", Wrong)]
    [InlineData("/", "JO:pass:word", Wrong)]
    [InlineData("/", "nobody:pass:word", Wrong)]
    [InlineData("/", "jo:", Wrong)]
    [InlineData("/", ":", Wrong)]
    [InlineData("/", "jo", Format)]
    [InlineData("/route", "jo:pass:word", Wrong)]
    [InlineData("/route", "al:x", "")]
    public async Task User_IsAskedForHisPassword(string path, string who, string says)
    {
        string[] parts = who.Split('|');
        string fields = $"authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(parts[0]))}\r\n"
            + string.Concat(parts[1..].Select(p => p + "\r\n"));
        await CheckAsync(path, fields, says);
    }

    [Theory]
    [InlineData("x: y", Missing)]
    [InlineData("authorization: Bearer abc", Scheme)]
    [InlineData("authorization:", Scheme)]
    [InlineData("authorization: Basic", Scheme)]
    [InlineData("authorization: Basic !!!!", Format)]
    [InlineData("authorization: Basic am8", Format)]
    [InlineData("authorization: basic am86cGFzczp3b3Jk", "[jo]")] // the scheme's case does not count
    [InlineData("authorization: Basic am86cGFzczp3b3Jk|authorization: Basic am86cGFzczp3b3Jk", Format)]
    public Task Field_IsReadStrictly(string fields, string says) => CheckAsync("/", fields.Replace("|", "\r\n") + "\r\n", says);

    [Fact]
    public async Task OtherHeader_IsReadInPlaceOfAuthorization()
    {
        string credentials = "Basic " + Convert.ToBase64String("jo:p"u8);
        Assert.Equal(401, (await edge.Proxy.GetAsync(headers: $"authorization: {credentials}\r\n", listener: "other")).Status);
        Assert.Equal(200, (await edge.Proxy.GetAsync(headers: $"x-auth: {credentials}\r\n", listener: "other")).Status);
        Assert.Equal(200, (await edge.Proxy.GetAsync("/off")).Status);
    }

    [Theory]
    [InlineData("jo:plain", "line 1 is not of the format {SHA}")]
    [InlineData("a:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\\njo:$apr1$x", "line 2 is not of the format {SHA}")]
    [InlineData("jo:{SHA}short", "line 1 has a hash that is none")]
    [InlineData("nobody", "line 1 is not user:{SHA}hash")]
    [InlineData("a:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\\na:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "line 2 names a user twice")]
    public void ListThatIsNone_IsRefusedWithoutQuotingIt(string users, string says)
    {
        var built = edge.Proxy.Build("listeners: [{name: a, address: '127.0.0.1:0', routes: [], http_filters: [{name: basic_auth, "
            + $"typed_config: {{users: {{inline_string: \"{users}\"}}}}}}]}}]");
        var error = Assert.Single(built.Errors);
        Assert.StartsWith(says, error.Detail);
        Assert.DoesNotContain("plain", error.Detail);
    }

    private async Task CheckAsync(string path, string fields, string says)
    {
        bool ok = says.Length == 0 || says[0] == '[';
        long denied = edge.Proxy.Stat("http.edge.basic_auth.denied"), allowed = edge.Proxy.Stat("http.edge.basic_auth.allowed");
        var answer = await edge.Proxy.GetAsync(path, headers: fields);
        Assert.Equal((ok ? 200 : 401, says), (answer.Status, answer.Text));
        Assert.Equal(ok ? null : $"Basic realm=\"http://example.test{path}\"", answer["www-authenticate"]);
        Assert.Equal((denied + (ok ? 0 : 1), allowed + (ok ? 1 : 0)),
            (edge.Proxy.Stat("http.edge.basic_auth.denied"), edge.Proxy.Stat("http.edge.basic_auth.allowed")));
    }

    private static string Hash(string password) => "{SHA}" + Convert.ToBase64String(SHA1.HashData(Encoding.UTF8.GetBytes(password)));
}
