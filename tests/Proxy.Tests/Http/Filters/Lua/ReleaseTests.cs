using Managed.Proxy.Bindings.Lua;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Lua;

/// <summary>The states of scripts that no version uses any more are closed at once, not when the collector comes by.</summary>
[Collection(nameof(ReleaseTests))]
[CollectionDefinition(nameof(ReleaseTests), DisableParallelization = true)]
public sealed class ReleaseTests
{
    [Fact]
    public async Task EditedScripts_AreClosedAsTheyAreReplaced()
    {
        await using var proxy = await LuaProxy.StartAsync(Script(0), workers: 2);
        await proxy.GetAsync();
        long before = Live();
        for (int i = 1; i <= 100; i++)
        {
            await proxy.PublishAsync(Script(i));
            Assert.Equal($"{i}", (await proxy.GetAsync())["x-n"]);
        }
        await LevelAsync(before);
    }

    [Fact]
    public async Task DryRunsAndFailedBuilds_KeepNothing()
    {
        await using var proxy = await LuaProxy.StartAsync(Script(0));
        await proxy.GetAsync();
        long before = Live();
        for (int i = 1; i <= 20; i++)
        {
            var built = proxy.Proxy.Build(LuaProxy.Yaml(Script(i), proxy.Upstream.Port));
            Assert.NotNull(built.Snapshot);
            built.Snapshot.Dispose();
            Assert.Null(proxy.Proxy.Build(LuaProxy.Yaml(Script(i), 99999)).Snapshot);
            Assert.Null(proxy.Proxy.Build(LuaProxy.Yaml("error('no')", proxy.Upstream.Port)).Snapshot);
        }
        await LevelAsync(before);
    }

    [Fact]
    public async Task ScriptThatWaits_KeepsItsStateToItsEnd()
    {
        await using var proxy = await LuaProxy.StartAsync("""
            function envoy_on_request(h)
              local fields, body = h:httpCall("up", {[":method"] = "GET", [":path"] = "/call", [":authority"] = "a"}, nil, 30000)
              h:respond({[":status"] = "200"}, "old " .. body)
            end
            """);
        long before = Live();
        var (asked, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        proxy.Upstream.OnHead = async (_, _) =>
        {
            asked.SetResult();
            await goOn.Task;
        };
        proxy.Upstream.Answer = _ => RecordingUpstream.Ok("answer");
        var waiting = proxy.GetAsync();
        await asked.Task;
        await proxy.PublishAsync("function envoy_on_request(h) h:respond({[':status'] = '200'}, 'new') end");
        Assert.Equal("new", (await proxy.GetAsync()).Text);
        goOn.SetResult();
        Assert.Equal("old answer", (await waiting).Text);
        await LevelAsync(before);
    }

    private static string Script(int n) => $"function envoy_on_response(h) h:headers():add('x-n', '{n}') end";

    private static async Task LevelAsync(long expected)
    {
        await Eventually.Async(() => LuaState.Live <= expected, $"no more than {expected} states");
        Assert.InRange(LuaState.Live, 0, expected);
    }

    // States of tests that came before are closed by their finalizers: not while we count.
    private static long Live()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return LuaState.Live;
    }
}
