using Managed.Proxy.Configuration.ShortForms;
using Managed.Proxy.Tests.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Managed.Proxy.Tests.Configuration.ShortForms;

public sealed class ExtensionNamesTests
{
    [Theory]
    [InlineData("ext_proc", "envoy.extensions.filters.http.ext_proc.v3alpha.ExternalProcessor")]
    [InlineData("oauth2", "envoy.extensions.filters.http.oauth2.v3alpha.OAuth2")]
    [InlineData("cache", "envoy.extensions.filters.http.cache.v3alpha.CacheConfig")]
    [InlineData("admission_control", "envoy.extensions.filters.http.admission_control.v3alpha.AdmissionControl")]
    [InlineData("bandwidth_limit", "envoy.extensions.filters.http.bandwidth_limit.v3alpha.BandwidthLimit")]
    [InlineData("ext_proc", "envoy.extensions.filters.http.ext_proc.v3alpha.ExtProcPerRoute")]
    public void NameOfAnAlphaPackage_IsThatOfToday(string filter, string type)
    {
        Assert.Equal(filter, ExtensionNames.Find(ExtensionKind.HttpFilter, ExtensionNames.TypeUrlPrefix + type)?.ShortName);
        Assert.NotNull(ExtensionCatalog.FindConfigType(type));
    }

    [Fact]
    public async Task DocumentWithSuchNames_Builds()
    {
        await using var server = new ProxyServer(new ProxyOptions { Workers = 1, LoggerFactory = NullLoggerFactory.Instance });
        var built = server.Build(Requests.Node("""
            listeners:
            - name: edge
              address: 127.0.0.1:0
              http_filters:
              - name: c
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.http.cache.v3alpha.CacheConfig
                  typed_config: {"@type": type.googleapis.com/envoy.source.extensions.filters.http.cache.SimpleHttpCacheConfig}
              routes: []
            """), 1);
        Assert.Empty(built.Errors);
    }
}
