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
    public void Validate_ReadsFilesOfSecretsAndEndpoints()
    {
        string secret = Path.Combine(_folder, "token.yaml"), endpoints = Path.Combine(_folder, "eds.yaml");
        File.WriteAllText(endpoints, "resources: [{'@type': type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment, "
            + "cluster_name: c, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: "
            + "{address: 127.0.0.1, port_value: 9}}}}]}]}]");
        string text = $$$"""
            static_resources:
              clusters:
              - {name: c, type: EDS, eds_cluster_config: {eds_config: {path: {{{endpoints}}} } } }
              listeners:
              - address: {socket_address: {address: 127.0.0.1, port_value: 0}}
                filter_chains:
                - transport_socket:
                    name: tls
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
                      common_tls_context:
                        tls_certificate_sds_secret_configs: {name: own, sds_config: {path_config_source: {path: {{{secret}}} } } }
                  filters: [{name: envoy.filters.network.tcp_proxy, typed_config: {stat_prefix: t, cluster: c}}]
            """;
        Assert.Contains("token.yaml' does not exist", Validate(text).Error, StringComparison.Ordinal);
        using var key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        using var certificate = new System.Security.Cryptography.X509Certificates.CertificateRequest("CN=own", key,
            System.Security.Cryptography.HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
        static string Indent(string pem) => pem.ReplaceLineEndings("\n      ");
        File.WriteAllText(secret, "resources:\n- name: own\n  tls_certificate:\n    certificate_chain:\n     inline_string: |\n      "
            + Indent(certificate.ExportCertificatePem()) + "\n    private_key:\n     inline_string: |\n      "
            + Indent(key.ExportPkcs8PrivateKeyPem()) + "\n");
        var (code, output, error) = Validate(text);
        Assert.Equal((0, true), (code, output.Contains("is valid", StringComparison.Ordinal)));
        Assert.DoesNotContain("not known here", error, StringComparison.Ordinal);
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
