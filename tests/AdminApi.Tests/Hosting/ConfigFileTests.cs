using System.Net;
using System.Net.Sockets;
using Managed.AdminApi.Hosting;

namespace Managed.AdminApi.Tests.Hosting;

public sealed class ConfigFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("managed-test-").FullName;

    private (int Code, string Output, string Error) Validate(string text)
    {
        var path = Path.Combine(_folder, "envoy.yaml");
        File.WriteAllText(path, text);
        var (output, error) = (new StringWriter(), new StringWriter());
        return (ConfigFile.Validate(path, output, error), output.ToString(), error.ToString());
    }

    [Fact]
    public void Validate_FetchesNothing()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        var (code, output, error) = Validate($$$"""
            clusters: [{name: code, endpoints: [{{{server.LocalEndpoint}}}]}]
            listeners:
            - name: edge
              address: 127.0.0.1:0
              http_filters:
              - name: wasm
                typed_config: {config: {vm_config: {code: {remote: {http_uri: {uri: "http://code.example/x.wasm", cluster: code, timeout: 1s}, sha256: {{{new string('a', 64)}}} } } } } }
              routes: [{match: {prefix: /}, route: {cluster: code}}]
            """);
        Assert.Equal(0, code);
        Assert.False(server.Pending());
        Assert.Contains("is valid", output, StringComparison.Ordinal);
        Assert.Contains("was not fetched", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Validate_OfABootstrap_SaysWhatItBecomes()
    {
        var (code, _, error) = Validate("""
            static_resources: {listeners: [], clusters: [{name: "a/b", type: static}, {name: "a/b", type: static}]}
            admin: {}
            """);
        Assert.Equal(1, code);
        Assert.Contains("warning: ", error, StringComparison.Ordinal);
        Assert.Contains(":2:1 #/admin 'admin' is not used", error, StringComparison.Ordinal);
        Assert.Contains("there is already a cluster 'a/b'", error, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
