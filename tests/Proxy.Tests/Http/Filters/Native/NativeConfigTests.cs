using Managed.Proxy.Bindings.Native;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Native;

/// <summary>What a document may say of a plug-in, and the errors at their places.</summary>
[Collection(nameof(NativeProxy))]
public sealed class NativeConfigTests
{
    private const string Naughty = "assembly: NativePlugins, type: Managed.NativePlugins.NaughtyPlugin";

    public static TheoryData<string, string, string> Wrong() => new()
    {
        { "{assembly: nobody}", "/assembly", "does not exist" },
        { "{assembly: ../NativePlugins}", "/assembly", "is no name of a file in the plug-in folder" },
        { "{assembly: NativePlugins}", "/type", "'type' is missing: it has Managed.NativePlugins.BorrowerPlugin" },
        { "{assembly: NativePlugins, type: Managed.NativePlugins.NaughtyPlugins}", "/type", "there is no plug-in" },
        { "{assembly: NativePlugins, type: Managed.NativePlugins.TouchyPlugin}", "/type", "there is no plug-in" },
        { "{assembly: NativePlugins, module: x}", "/module", "only one of these may be given: assembly, module" },
        { "{}", "", "one of these is missing: assembly, module" },
        { "{assembly: broken}", "/assembly", "it is no .NET assembly" },
        { "{assembly: xunit.v3.assert}", "/assembly", "does not exist" },
        { $"{{{Naughty}, sha256: '00'}}", "/sha256", "has other bytes" },
        { $"{{{Naughty}, configuration: {{deeds: NONE}}}}", "/configuration/deeds", "'deeds' is not a known field" },
        { $"{{{Naughty}, configuration: {{deed: MURDER}}}}", "/configuration/deed", "MURDER" },
        { $"{{{Naughty}, configuration: {{inner: {{depth: 11}}}}}}", "/configuration/inner/depth", "10" },
        { $"{{{Naughty}, configuration: {{words: [a, {{}}]}}}}", "/configuration/words/1", "must be a string" },
        { $"{{{Naughty}, configuration: {{left: a, right: b}}}}", "/configuration/right", "only one of these may be given: left, right" },
        { $"{{{Naughty}, configuration: {{deed: REFUSE_INNER, inner: {{depth: 2}}}}}}", "/configuration/inner/depth",
            "too deep for this plug-in" },
        { $"{{{Naughty}, configuration: {{deed: THROW_ON_START}}}}", "/assembly", "not today" },
        { $"{{{Naughty}, configuration: {{deed: THROW_IN_CREATE}}}}", "/assembly", "no filter" },
        { $"{{{Naughty}, configuration: {{deed: NULL_FILTER}}}}", "/assembly", "CreateFilter gave null" },
        { "{assembly: ExampleFilters, type: HelloFilter.HelloPlugin}", "/configuration/greeting", "'greeting' is missing" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task WhatIsWrong_IsAnErrorAtItsPlace(string config, string pointer, string detail)
    {
        await using var proxy = await NativeProxy.StartAsync("");
        await File.WriteAllTextAsync(Path.Combine(NativeProxy.Folder, "broken.dll"), "MZ and nothing behind it");

        var built = proxy.Build(NativeProxy.Yaml(config));

        var error = Assert.Single(built.Errors);
        Assert.EndsWith(pointer.Length > 0 ? pointer : "/typed_config", error.Pointer, StringComparison.Ordinal);
        Assert.Contains(detail, error.Detail, StringComparison.Ordinal);
        Assert.True(error.Line > 0);
    }

    [Fact]
    public async Task WithoutLeave_ThereIsNone()
    {
        await using var proxy = await ProxyFixture.StartWithAsync("", log => new ProxyOptions { Workers = 1, LoggerFactory = log });

        var error = Assert.Single(proxy.Build(NativeProxy.Yaml($"{{{Naughty}}}")).Errors);

        Assert.Contains("switched off", error.Detail, StringComparison.Ordinal);
        Assert.Contains("--allow-native", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Route_SaysItsOwn()
    {
        const string status = "assembly: NativePlugins, type: Managed.NativePlugins.StatusPlugin";
        await using var proxy = await NativeProxy.StartAsync(NativeProxy.Yaml($"{{{status}}}", route: $$"""
            - match: {prefix: /own}
              direct_response: {status: 200}
              typed_per_filter_config: {native: { {{status}}, configuration: {status: 418} } }
            - match: {prefix: /off}
              direct_response: {status: 200}
              typed_per_filter_config: {native: {"@type": envoy.config.route.v3.FilterConfig, disabled: true} }
            """.ReplaceLineEndings("\n  ")));

        Assert.Equal(418, (await proxy.GetAsync("/own")).Status);
        Assert.Equal(299, (await proxy.GetAsync("/else")).Status);
        Assert.Equal(200, (await proxy.GetAsync("/off")).Status);
        var wrong = proxy.Build(NativeProxy.Yaml($"{{{status}}}", route: $$"""
            - match: {prefix: /own}
              direct_response: {status: 200}
              typed_per_filter_config: {native: { {{status}}, configuration: {state: 1} } }
            """.ReplaceLineEndings("\n  ")));
        Assert.EndsWith("typed_per_filter_config/native/configuration/state", Assert.Single(wrong.Errors).Pointer,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Check_NamesThePlugins()
    {
        var summary = NativeCheck.Try(File.ReadAllBytes(Path.Combine(NativeProxy.Folder, "ExampleFilters.dll")), out string reason);

        Assert.Equal("", reason);
        Assert.Equal("1.0", summary!.Contract);
        Assert.Equal(["ExampleFilters.LinePlugin", "ExampleFilters.PrefixPlugin", "ExampleFilters.RedactPlugin",
            "HelloFilter.HelloPlugin"], summary.Plugins);
        Assert.Null(NativeCheck.Try(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "xunit.v3.assert.dll")), out reason));
        Assert.Contains("does not use Managed.Filters", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void NoPartOfTheProxy_IsToBeHad()
    {
        var context = new PluginLoadContext(new Dictionary<string, byte[]>());

        Assert.Throws<FileNotFoundException>(() => context.LoadFromAssemblyName(new("Managed.Proxy")));
        context.Unload();
    }
}
