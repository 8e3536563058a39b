using Managed.Proxy.Core;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Native;

/// <summary>Tests that load plug-ins: one after another, since what is loaded is counted for the process.</summary>
[CollectionDefinition(nameof(NativeProxy))]
public sealed class NativeProxy
{
    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "plugins");

    public static Task<ProxyFixture> StartAsync(string yaml, string? folder = null, int workers = 1)
        => ProxyFixture.StartWithAsync(yaml, log => new ProxyOptions
        {
            Workers = workers, LoggerFactory = log, Native = new NativeAccess(folder ?? Folder),
        });

    /// <summary>
    /// A listener with one HTTP filter; the answer has the method, path and field x of the request as the filter left it.
    /// </summary>
    /// <param name="native">The filter's configuration in flow style.</param>
    public static string Yaml(string native, string route = "", string more = "") => $$"""
        clusters:
        - {name: a, endpoints: [127.0.0.1:1]}
        {{more}}
        listeners:
        - name: edge
          address: 127.0.0.1:0
          http_filters:
          - {name: native, typed_config: {{native}} }
          routes:
          {{route}}
          - match: {prefix: /}
            direct_response: {status: 200, body_format: {text_format: "%REQ(:METHOD)% %REQ(:PATH)% [%REQ(x)%]"} }
        """;
}
