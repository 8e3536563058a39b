using System.Text.RegularExpressions;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Native;

public sealed class NaughtyFixture : IAsyncLifetime
{
    public ProxyFixture Closed { get; private set; } = null!;

    private int _names;

    public async ValueTask InitializeAsync() => Closed = await NativeProxy.StartAsync("");

    /// <summary>A plug-in whose record is clean: its name.</summary>
    public async Task<string> FreshAsync(string cpu = "50ms")
    {
        string name = $"bad{Interlocked.Increment(ref _names)}";
        await Closed.PublishAsync(NativeProxy.Yaml($"{{name: {name}, assembly: NativePlugins, "
            + "type: Managed.NativePlugins.NaughtyPlugin, limits: {allocation_per_call: 4MiB, cpu_per_call: " + cpu + "}}"));
        return name;
    }

    public async ValueTask DisposeAsync()
    {
        Closed.MayCrash = true; // it logs what the plug-in throws
        await Closed.DisposeAsync();
    }
}

/// <summary>What a filter of somebody else's does, and what becomes of it.</summary>
[Collection(nameof(NativeProxy))]
public sealed class NativeFilterTests(NaughtyFixture fixture) : IClassFixture<NaughtyFixture>
{
    private ProxyFixture Proxy => fixture.Closed;

    [Theory]
    [InlineData("none", "[-]")]
    [InlineData("after", "[-]")]
    [InlineData("elsewhere", "[back]")]
    [InlineData("elsewhere-throw", "[NaughtyException]")]
    [InlineData("call", "[503 True]")]
    [InlineData("metadata", "[a text]")]
    public async Task WhatIsAllowed_Works(string deed, string expected)
    {
        await fixture.FreshAsync();
        var answer = await Proxy.GetAsync(headers: $"x-deed: {deed}\r\n");

        Assert.Equal(200, answer.Status);
        Assert.EndsWith(expected, answer.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("throw")]
    [InlineData("out-of-memory")]
    [InlineData("frame")]
    [InlineData("split")]
    [InlineData("name")]
    [InlineData("no-method")]
    [InlineData("after-throw")]
    [InlineData("call-nobody")]
    [InlineData("work")]
    [InlineData("throw-response")]
    public async Task WhatThrows_CostsItsStreamAndIsCounted(string deed)
    {
        string name = await fixture.FreshAsync();

        var client = await Proxy.ConnectAsync();
        await client.GetAsync(headers: $"x-deed: {deed}\r\n");
        if (deed == "throw-response") // the answer is under way: it is cut
            await Assert.ThrowsAnyAsync<Exception>(() => client.ReadAsync());
        else Assert.Equal(500, (await client.ReadAsync()).Status);
        await client.DisposeAsync();

        Assert.Equal(1, Proxy.Stat($"native.{name}.exceptions"));
        Assert.Equal(1, Proxy.Stat($"native.{name}.failed_closed"));
        Assert.Equal(200, (await Proxy.GetAsync()).Status);
    }

    [Theory]
    [InlineData("allocate")]
    [InlineData("spin")]
    public async Task WhatIsTooMuch_IsCountedAndItsStreamGoesOn(string deed)
    {
        string name = await fixture.FreshAsync(cpu: "5ms"); // of the 80 that it spins, on a machine that has others to serve

        // Of a call that took long only the next ones are measured.
        await Eventually.TrueAsync(async () =>
        {
            Assert.Equal(200, (await Proxy.GetAsync(headers: $"x-deed: {deed}\r\n")).Status);
            return Proxy.Stat($"native.{name}.limit_breaches") > 0;
        }, "the breach is counted");
    }

    [Fact]
    public async Task WhatThrowsAtTheEnd_IsCountedAlone()
    {
        string name = await fixture.FreshAsync();

        Assert.Equal(200, (await Proxy.GetAsync(headers: "x-deed: throw-complete\r\n")).Status);

        await Eventually.Async(() => Proxy.Stat($"native.{name}.exceptions") == 1, "it is counted");
    }

    [Fact]
    public async Task WhoThrowsAgainAndAgain_IsLeftOutForAWhile()
    {
        string name = await fixture.FreshAsync();
        await using var client = await Proxy.ConnectAsync();
        var statuses = new List<int>();
        for (int i = 0; i < 500 && !statuses.Contains(503); i++)
        {
            await client.GetAsync(headers: "x-deed: throw\r\n");
            statuses.Add((await client.ReadAsync()).Status);
        }

        Assert.Equal(503, statuses[^1]);
        Assert.True(statuses.Count(s => s == 500) >= 10);
        Assert.True(Proxy.Stat($"native.{name}.quarantines") >= 1);
        Assert.Contains(Proxy.Server.GuestVms(), v => v is { Kind: "native", State: "quarantined" } && v.Name == name);
    }

    [Fact]
    public async Task OpenPolicy_GoesOnWithoutIt()
    {
        await using var open = await NativeProxy.StartAsync(NativeProxy.Yaml(
            "{assembly: NativePlugins, type: Managed.NativePlugins.NaughtyPlugin, failure_policy: FAIL_OPEN}"));
        open.MayCrash = true;
        for (int i = 0; i < 15; i++) // through the quarantine
            Assert.Equal(200, (await open.GetAsync(headers: "x-deed: throw\r\n")).Status);

        Assert.Equal(200, (await open.GetAsync(headers: "x-deed: after-throw\r\n")).Status);
        Assert.True(open.Stat("native.NativePlugins.failed_open") >= 10);
        Assert.Equal(0, open.Stat("native.NativePlugins.failed_closed"));
    }

    [Fact]
    public async Task Log_NamesWhatWasThrown()
    {
        string name = await fixture.FreshAsync();
        await Proxy.GetAsync(headers: "x-deed: split\r\n");

        await Eventually.Async(() => Proxy.Log.Lines.Any(l => Regex.IsMatch(l, name + " failed on worker 0: .*x-a.*cannot be set",
            RegexOptions.Singleline)), "the log says it");
    }
}
