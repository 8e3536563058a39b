using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;
using Managed.Proxy.Configuration.ShortForms;
using Xunit;

namespace Managed.Proxy.Tests.Configuration.ShortForms;

/// <summary>What the golden files do not show: places, and that the user's tree is left alone.</summary>
public sealed class ShortFormTests
{
    private const string Text = "listeners:\n- name: edge\n  address: 127.0.0.1:1\n  route_config_name: web\n";

    [Fact]
    public void ExpandedNodes_PointAtWhatTheUserWrote()
    {
        var expanded = Documents.Read(Text).Expanded!;
        var name = expanded.Find("#/listeners/0/filter_chains/0/filters/0/typed_config/rds/route_config_name")!;
        Assert.Equal(("#/listeners/0/route_config_name", 4, 22), (name.Pointer, name.Line, name.Column));
        var port = expanded.Find("#/listeners/0/address/socket_address/port_value")!;
        Assert.Equal(("#/listeners/0/address", 3), (port.Pointer, port.Line));
    }

    [Fact]
    public void Expansion_LeavesTheGivenTreeAlone()
    {
        var errors = new ConfigErrors();
        var root = ConfigParser.Parse(Text, ConfigFormat.Yaml, "test", errors)!;
        var before = root.ETag;
        ShortForm.Expand(root, errors);
        Assert.Equal(before, root.ETag);
    }

    [Fact]
    public void FragmentInsideADocument_KeepsItsOwnSource()
    {
        var errors = new ConfigErrors();
        var root = (ConfigObject)ConfigParser.Parse(Text, ConfigFormat.Yaml, "document", errors)!;
        var fragment = ConfigParser.Parse("name: two\nadress: 127.0.0.1:2\n", ConfigFormat.Yaml, "request body", errors)!;
        root.Array("listeners")!.Add(fragment);
        var expanded = ShortForm.Expand(root, errors)!;
        Managed.Proxy.Configuration.Validation.ConfigBinder.BindPartial<Managed.Proxy.Configuration.Model.BootstrapConfig>(expanded,
            errors);
        Assert.Equal([("request body", "#/address"), ("request body", "#/adress")], errors.Errors.Select(e => (e.Source.Name, e.Pointer)));
    }

    [Fact]
    public void FilterNameWithTwoMeanings_NeedsATypePerRoute()
    {
        var read = Documents.Read("""
            listeners:
            - {name: a, address: "127.0.0.1:1", route_config_name: web, http_filters: [{name: x, typed_config: {"@type": fault}}]}
            - {name: b, address: "127.0.0.1:2", route_config_name: web, http_filters: [{name: x, typed_config: {"@type": header_mutation}}]}
            route_configurations:
            - name: web
              typed_per_filter_config: {x: {}}
            """);
        Assert.Contains("different filters", Assert.Single(read.Errors.Errors).Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lua", "envoy.extensions.filters.http.lua.v3.Lua")]
    [InlineData("envoy.filters.http.lua", "envoy.extensions.filters.http.lua.v3.Lua")]
    [InlineData("type.googleapis.com/envoy.extensions.filters.http.lua.v3.LuaPerRoute", "envoy.extensions.filters.http.lua.v3.Lua")]
    [InlineData("native", "managed.extensions.filters.http.native.v1.Native")]
    [InlineData("tcp_proxy", null)]
    public void ExtensionName_IsFoundByEveryForm(string name, string? expected) =>
        Assert.Equal(expected, ExtensionNames.Find(ExtensionKind.HttpFilter, name)?.TypeName);

    [Theory]
    [InlineData("1.2.3:80")]
    [InlineData("999.1.1.1:80")]
    [InlineData(":80")]
    [InlineData("[1.2.3.4]:80")]
    [InlineData("[::1]80")]
    [InlineData("[:80")]
    [InlineData("a b:80")]
    [InlineData("host:-1")]
    [InlineData("host:")]
    [InlineData("")]
    [InlineData(":")]
    [InlineData("]")]
    public void WrongAddress_IsOneErrorWithAHint(string address)
    {
        var read = Documents.Read($"listeners:\n- {{name: a, address: \"{address}\", filter_chains: []}}\n");
        var error = Assert.Single(read.Errors.Errors);
        Assert.Equal(("#/listeners/0/address", ConfigCode.InvalidValue, 2), (error.Pointer, error.Code, error.Line));
        Assert.NotNull(error.Hint);
    }
}
