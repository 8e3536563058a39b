using Managed.Proxy.Bindings.Lua;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Filters.Lua;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Lua;

/// <summary>
/// What the methods of a script's objects take: a call with the most that each takes holds the worker for ten milliseconds at most, and
/// none is forgotten.
/// </summary>
public sealed class HostCostTests
{
    private const string Setup = """
        S = ("x"):rep(1048576)
        N = ("x"):rep(2097152)
        local deep = {}
        for i = 1, 9000 do deep[i] = "0123456789" end
        TREE = deep
        FIELDS = {[":status"] = "200"}
        for i = 1, 100 do FIELDS["x-" .. i] = ("v"):rep(100) end
        CALL = {[":method"] = "GET", [":path"] = "/", [":authority"] = "a"}
        for i = 1, 100 do CALL["x-" .. i] = ("v"):rep(100) end

        """;

    // By the host function; Lua that calls it with the most that it takes. Of the language's own there is LanguageCostTests.
    private static readonly Dictionary<string, string> Largest = new()
    {
        ["headers"] = "h:headers()", ["header_get"] =
            "for i = 1, 50 do h:headers():add('x-many', ('v'):rep(1000)) end h:headers():get('x-many')",
            ["header_at"] = "h:headers():getAtIndex('host', 0)",
        ["header_count"] = "h:headers():getNumValues('host')", ["header_add"] = "h:headers():add('x-big', S:sub(1, 500000))",
        ["header_replace"] = "h:headers():replace('x-big', S:sub(1, 500000))",
        ["header_remove"] = "h:headers():remove(('x'):rep(256))", ["header_next"] = "for k, v in pairs(h:headers()) do end",
        ["header_reason"] = "pcall(h.headers(h).setHttp1ReasonPhrase, h:headers(), ('x'):rep(4096))",
        ["body"] = "h:body()", ["chunk"] = "for c in h:bodyChunks() do end", ["trailers"] = "h:trailers()",
        ["buffer_length"] = "h:body(true):length()",
        ["buffer_get"] = "h:body(true):getBytes(0, 0)", ["buffer_set"] = "pcall(function() h:body(true):setBytes(N) end)",
        ["log"] = "h:logInfo(N)", ["respond"] = "h:respond(FIELDS, N:sub(1, 2000000))", ["call"] = "h:httpCall('up', CALL, S, 5000, true)",
        ["answer"] = "h:httpCall('up', CALL, nil, 5000)",
        ["override_host"] = "h:setUpstreamOverrideHost('1.2.3.4')", ["clear_route_cache"] = "h:clearRouteCache()",
        ["context"] = "h:context()", ["base64"] = "h:base64Escape(S)",
        ["timestamp"] = "h:timestampString()", ["object"] = "h:streamInfo()", ["import_key"] = "h:importPublicKey(S:sub(1, 16384), 16384)",
        ["verify"] = "h:verifySignature('SHA512', h:importPublicKey('', 0), '', 0, S, #S)",
        ["info"] = "h:streamInfo():downstreamLocalAddress()", ["drain"] = "h:streamInfo():drainConnectionUponCompletion()",
        ["metadata"] = "h:metadata():get('level')",
        ["dynamic_all"] = "h:streamInfo():dynamicMetadata():set('f', 'k', TREE) for k in pairs(h:streamInfo():dynamicMetadata()) do end",
        ["dynamic_get"] = "h:streamInfo():dynamicMetadata():set('f', 'k', S:sub(1, 250000)) h:streamInfo():dynamicMetadata():get('f')",
        ["dynamic_set"] = "h:streamInfo():dynamicMetadata():set('f', 'k', TREE)",
        ["state_get"] = "h:streamInfo():filterState():set('k', TREE) h:streamInfo():filterState():get('k')",
        ["state_set"] = "h:streamInfo():filterState():set('k', S:sub(1, 250000))",
        ["filter_context"] = "h:filterContext()", ["stat"] = "h:stats():counter(('x'):rep(200))",
        ["stat_add"] = "h:stats():counter('c'):add(1)", ["stat_value"] = "h:stats():counter('c'):value()",
        ["shared"] = "managed.shared('d'):set('k', S:sub(1, 1000000)) managed.shared('d'):get('k')",
        ["has_tls"] = "h:connection():ssl()", ["tls"] =
            "local s = h:connection():ssl() if s then s:urlEncodedPemEncodedPeerCertificateChain() end",
    };

    private const string Limits = ", limits: {instructions: 1000000000, wall_time: 10s, memory: 64MiB}";

    public static TheoryData<string> Functions { get; } = new(Largest.Keys);

    private static Task<long> CpuAsync(LuaProxy proxy)
    {
        var done = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        proxy.Proxy.Server.WorkerAt(0).Post(static s => ((TaskCompletionSource<long>)s!).SetResult(Libc.ThreadCpuMicros()), done);
        return done.Task;
    }

    [Theory]
    [MemberData(nameof(Functions))]
    public async Task TheLargestInput_HoldsTheWorkerForTenMillisecondsAtMost(string function)
    {
        string hook = function == "header_reason" ? "envoy_on_response" : "envoy_on_request";
        await using var proxy = await LuaProxy.StartAsync(Setup + $"function {hook}(h) {Largest[function]} end", Limits);
        long least = long.MaxValue;
        for (int i = 0; i < 10 && least > 5_000; i++)
        {
            long began = await CpuAsync(proxy);
            await proxy.GetAsync();
            least = Math.Min(least, await CpuAsync(proxy) - began);
        }
        Assert.True(proxy.Errors == 0, proxy.Log);
        Assert.True(least <= 10_000, $"{function}: {least} µs");
    }

    [Fact]
    public void EveryHostFunction_HasItsRowAndItsTest()
    {
        foreach (var (name, _) in LuaHandles.Library.Functions)
        {
            Assert.Contains(name, LuaCost.Names);
            Assert.Contains(name, Largest.Keys);
        }
        var known = LuaHandles.Library.Functions.Concat(CoreFunctions.Library.Functions).Select(f => f.Name).ToHashSet();
        Assert.Equal([], LuaCost.Names.Where(n => !known.Contains(n)));
    }

    [Theory]
    [InlineData("h:base64Escape(N)", "1048576")]
    [InlineData("h:streamInfo():dynamicMetadata():set('f', 'k', S)", "262144")]
    [InlineData("h:streamInfo():filterState():set('k', S)", "262144")]
    [InlineData("for i = 1, 100 do h:streamInfo():filterState():set('k' .. i, S:sub(1, 100000)) end", "262144")]
    [InlineData("h:importPublicKey(S, #S)", "16384")]
    [InlineData("local t = {} for i = 1, 20000 do t[i] = i end h:streamInfo():dynamicMetadata():set('f', 'k', t)", "10000 items")]
    [InlineData("for i = 1, 100 do h:headers():add('x', S:sub(1, 100000)) end", "too many header fields")]
    public async Task WhatIsMore_IsAClearErrorOnItsStream(string call, string says)
    {
        await using var proxy = await LuaProxy.StartAsync(Setup + $"function envoy_on_request(h) {call} end", Limits);
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(1, proxy.Errors);
        Assert.Contains(says, proxy.Log, StringComparison.Ordinal);
    }
}
