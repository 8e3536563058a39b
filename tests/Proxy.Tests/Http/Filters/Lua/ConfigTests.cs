using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Lua;

public sealed class ConfigTests
{
    private const string PerRoute = "'@type': type.googleapis.com/envoy.extensions.filters.http.lua.v3.LuaPerRoute";

    [Theory]
    [InlineData("function envoy_on_request(h)\n  if then\nend", "line 2")]
    [InlineData("x = 1\nerror('at load')", "line 2: at load")]
    [InlineData("while true do end", "stopped after")]
    [InlineData("coroutine.yield()", "waits while it is loaded")]
    public async Task ScriptThatDoesNotLoad_IsAConfigurationError(string script, string expected)
    {
        await using var proxy = await ProxyFixture.StartAsync("listeners: []");
        var error = Assert.Single(proxy.Build(LuaProxy.Yaml(script, 1)).Errors);
        Assert.Equal("COMPILE_FAILED", error.Code);
        Assert.Contains(expected, error.Detail);
        Assert.EndsWith("/default_source_code/inline_string", error.Pointer);
        Assert.True(error.Line > 0);
        // Not remembered as good.
        Assert.Single(proxy.Build(LuaProxy.Yaml(script, 1)).Errors);
    }

    [Theory]
    [InlineData("disabled: true", null)]
    [InlineData("name: other", "other")]
    [InlineData("source_code: {inline_string: \"function envoy_on_request(h) h:headers():add('x-by', 'route') end\"}", "route")]
    [InlineData("filter_context: {}", "main")]
    public async Task Route_ChoosesItsScript(string config, string? expected)
    {
        await using var proxy = await LuaProxy.StartAsync("function envoy_on_request(h) h:headers():add('x-by', 'main') end",
            ", source_codes: {other: {inline_string: \"function envoy_on_request(h) h:headers():add('x-by', 'other') end\"}}",
            $", typed_per_filter_config: {{lua: {{{PerRoute}, {config}}}}}");
        await proxy.GetAsync();
        Assert.Equal(expected, proxy.Upstream.Requests[0]["x-by"]);
        Assert.Equal(0, proxy.Errors);
    }

    [Fact]
    public async Task SameScript_KeepsItsGlobalsOverVersions()
    {
        const string script = "n = 0 function envoy_on_request(h) n = n + 1 h:headers():add('x-n', n) end";
        await using var proxy = await LuaProxy.StartAsync(script);
        await proxy.GetAsync();
        await proxy.PublishAsync(script, ", stat_prefix: other");
        await proxy.GetAsync();
        Assert.Equal("2", proxy.Upstream.Requests[1]["x-n"]);
        Assert.Equal(1, proxy.Proxy.Stat("http.edge.lua.other.executions"));
        await proxy.PublishAsync(script + " ");
        await proxy.GetAsync();
        Assert.Equal("1", proxy.Upstream.Requests[2]["x-n"]);
    }

    [Fact]
    public async Task EditUnderLoad_FailsNoRequest()
    {
        await using var proxy = await LuaProxy.StartAsync("function envoy_on_request(h) end");
        using var stop = new CancellationTokenSource();
        var load = Task.Run(async () =>
        {
            int good = 0;
            while (!stop.IsCancellationRequested)
            {
                var response = await proxy.PostAsync("abc");
                Assert.Equal(200, response.Status);
                good++;
            }
            return good;
        });
        for (int i = 0; i < 50; i++)
            await proxy.PublishAsync($"function envoy_on_request(h) h:body() h:headers():add('x-version', {i}) end");
        await stop.CancelAsync();
        Assert.True(await load > 0);
        Assert.Equal(0, proxy.Errors);
    }

    [Fact]
    public async Task ModuleWithoutAStore_IsRefusedClearly()
    {
        await using var proxy = await ProxyFixture.StartAsync("listeners: []");
        var errors = proxy.Build(LuaProxy.Yaml("", 1, ", source_codes: {other: {module: auth}}")).Errors;
        Assert.Contains(errors, e => e.Code == "UNKNOWN_REFERENCE"
            && e.Pointer.EndsWith("/source_codes/other/module", StringComparison.Ordinal));
    }
}
