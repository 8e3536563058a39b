using Managed.Proxy.Configuration.Parsing;
using Managed.Proxy.Configuration.ShortForms;
using Xunit;

namespace Managed.Proxy.Tests.Configuration.ShortForms;

/// <summary>A shared configuration is copied to each place that uses it: few bytes may stand for many.</summary>
public sealed class ExtensionCopyTests
{
    [Theory]
    [InlineData(1, 3 << 20)]
    [InlineData(20_000, 4)]
    public void ManyUsesOfALargeOne_AreRefusedOnce(int values, int length)
    {
        var config = string.Join(',', Enumerable.Range(0, values).Select(i => $"\"k{i}\":\"{new string('x', length)}\""));
        var uses = string.Join(',', Enumerable.Repeat("{\"name\":\"s\"}", 500));
        var errors = new Managed.Proxy.Configuration.ConfigErrors();
        var document = ConfigParser.Parse($$"""
            {"extension_configs":[{"name":"s","typed_config":{"@type":"lua",{{config}} } }],
             "listeners":[{"name":"a","address":"127.0.0.1:0","routes":[{"match":{"prefix":"/"},"direct_response":{"status":200} }],"http_filters":[{{uses}}]}]}
            """, ConfigFormat.Json, "test", errors)!;
        var expanded = ShortForm.Expand(document, errors)!;
        Assert.Single(errors.Errors, e => e.Detail.Contains("exceed", StringComparison.Ordinal));
        Assert.InRange(Managed.Proxy.Configuration.DocumentLimits.Measure(expanded).Nodes, 1, 400_000);
    }
}
