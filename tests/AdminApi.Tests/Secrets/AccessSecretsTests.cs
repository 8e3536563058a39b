using System.Net;

namespace Managed.AdminApi.Tests.Secrets;

/// <summary>Users, keys of clients and keys of tokens: used, and never seen again.</summary>
public sealed class AccessSecretsTests
{
    [Fact]
    public async Task CredentialsOfFilters_AreHiddenAndStillServeBehindARestart()
    {
        await using var node = await TestNode.StartAsync();
        const string key = "k-5f2e9b1c", hash = "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", secret = "c2VjcmV0LW9mLXRva2Vucw";
        var search = new SecretSearch().Value("the key", key).Value("the hash", hash).Value("the secret", secret);
        const string listener = $$$$$$"""
            {"name":"keys","address":"127.0.0.1:0","http_filters":[
              {"name":"api_key_auth","typed_config":{"credentials":[{"key":"{{{{{{key}}}}}}","client":"shop"}],"key_sources":[{"header":"x-key"}]}},
              {"name":"basic_auth","typed_config":{"users":{"inline_string":"jo:{{{{{{hash}}}}}}"}}},
              {"name":"jwt_authn","typed_config":{"providers":{"p":{"local_jwks":{"inline_string":"{\"keys\":[{\"kty\":\"oct\",\"k\":\"{{{{{{secret}}}}}}\"}]}"}}}}}],
             "routes":[{"match":{"prefix":"/"},"direct_response":{"status":200}}]}
            """;
        search.NotIn((await node.PutAsync("listeners/keys", listener)).Is(HttpStatusCode.Created).Body, "the answer");
        foreach (string path in (string[])["config?expanded=true", "config/export?format=envoy", "/config_dump", "versions/2/config"])
            search.NotIn((await node.GetAsync(path)).Body, path);
        Assert.Contains("shop", (await node.GetAsync("config")).Body); // whose it is may be seen
        Assert.Equal(HttpStatusCode.OK, await AskAsync(node, key));
        await node.RestartAsync();
        search.NotInFolder(Path.Combine(node.Folder, "data"));
        Assert.Equal(HttpStatusCode.OK, await AskAsync(node, key));
        Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(node, "[redacted sha256:0123456789abcdef0123456789abcdef]"));
    }

    private static async Task<HttpStatusCode> AskAsync(TestNode node, string key)
    {
        using var http = new HttpClient();
        var at = node.Host.Proxy.Listeners().Single(l => l.Name == "keys").BoundAddress;
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://{at}/"));
        request.Headers.Add("x-key", key);
        request.Headers.Add("authorization", "Basic " + Convert.ToBase64String("jo:password"u8));
        using var answer = await http.SendAsync(request);
        return answer.StatusCode;
    }
}
