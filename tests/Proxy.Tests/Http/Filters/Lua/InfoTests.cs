using Managed.Proxy.Http.Filters.Lua;
using System.Security.Cryptography;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Lua;

public sealed class InfoTests
{
    [Theory]
    [InlineData("return h:streamInfo():protocol()", "HTTP/1.1")]
    [InlineData("return h:streamInfo():routeName()", "main")]
    [InlineData("return h:streamInfo():virtualClusterName()", "")]
    [InlineData("return h:streamInfo():downstreamLocalAddress():match('^127.0.0.1:%d+$') ~= nil", "true")]
    [InlineData("return h:streamInfo():downstreamDirectLocalAddress():match('^127.0.0.1:%d+$') ~= nil", "true")]
    [InlineData("return h:streamInfo():downstreamDirectRemoteAddress():match('^127.0.0.1:%d+$') ~= nil", "true")]
    [InlineData("return h:streamInfo():downstreamRemoteAddress():match('^127.0.0.1:%d+$') ~= nil", "true")]
    [InlineData("return h:streamInfo():requestedServerName()", "")]
    [InlineData("return h:streamInfo():downstreamSslConnection()", "nil")]
    [InlineData("return h:streamInfo():dynamicTypedMetadata('x')", "nil")]
    [InlineData("return h:connection():ssl()", "nil")]
    [InlineData("return h:connectionStreamInfo():dynamicMetadata():get('x')", "nil")]
    [InlineData("return h:connectionStreamInfo():dynamicTypedMetadata('x')", "nil")]
    [InlineData("h:streamInfo():filterState():set('a', 'b') return h:streamInfo():filterState():get('a')", "b")]
    [InlineData("h:streamInfo():filterState():set('a', {f = 'b'}) return h:streamInfo():filterState():get('a', 'f')", "b")]
    [InlineData("return h:streamInfo():filterState():get('none')", "nil")]
    [InlineData(
        "local m = h:streamInfo():dynamicMetadata() m:set('f', 'k', {a = 1, b = {true, 'x'}}) local t = m:get('f').k return t.a .. "
            + "tostring(t.b[1]) .. t.b[2]", "1truex")]
    [InlineData(
        "local m = h:streamInfo():dynamicMetadata() m:set('f', 'k', 1) local s = '' for k, v in pairs(m) do s = s .. k .. v.k end return s",
            "f1")]
    [InlineData("return pcall(function() h:streamInfo():dynamicMetadata():set('f', 'k', print) end)", "false")]
    [InlineData("return h:metadata():get('level')", "7")]
    [InlineData("local s = 0 for k, v in pairs(h:metadata()) do s = s + 1 end return s", "2")]
    [InlineData("return h:metadata():get('deep').list[2]", "b")]
    [InlineData("return h:route():metadata():get('level')", "7")]
    [InlineData("return h:virtualHost():metadata():get('level')", "9")]
    [InlineData("return h:virtualHost():metadata():get('none')", "nil")]
    [InlineData("return h:filterContext().tenant", "acme")]
    [InlineData("h:clearRouteCache() return h:streamInfo():routeName()", "main")]
    [InlineData("return h:base64Escape('hello\\0')", "aGVsbG8A")]
    [InlineData("return h:timestamp() > 1500000000000 and h:timestamp() < 9000000000000", "true")]
    [InlineData("return #h:timestampString()", "13")]
    [InlineData("return #h:timestampString(EnvoyTimestampResolution.MICROSECOND)", "16")]
    [InlineData("h:context().a = 1 return h:context().a", "1")]
    [InlineData("local s = h:stats():counter('c') s:inc() s:add(2) return s:value()", "3")]
    [InlineData("local s = h:stats():gauge('g') s:set(10) s:inc() s:dec() s:sub(3) s:add(1) return s:value()", "8")]
    [InlineData("h:stats():histogram('hist', 'ms'):recordValue(5) return 'ok'", "ok")]
    [InlineData("return pcall(function() h:stats():gauge('c2') h:stats():counter('c2') end)", "false")]
    [InlineData(
        "for _, o in ipairs({h, h:headers(), h:streamInfo(), h:connection(), h:route(), h:virtualHost(), h:metadata(), "
            + "h:streamInfo():dynamicMetadata(), h:stats()}) do o:logTrace('t') o:logDebug('d') o:logInfo('i') o:logWarn('w') end "
                + "return 'ok'", "ok")]
    public async Task Method_GivesWhatTheDocumentationSays(string body, string expected)
        => Assert.Equal(expected, await LuaProxy.AnswerAsync(body, route:
            ", metadata: {filter_metadata: {lua: {level: 7, deep: {list: [a, b]}}}}, typed_per_filter_config: {lua: {'@type': "
                + "type.googleapis.com/envoy.extensions.filters.http.lua.v3.LuaPerRoute, filter_context: {tenant: acme}}}"));

    [Theory]
    [InlineData("return unpack({1, 2})", "1")]
    [InlineData("return table.getn({1, 2}) .. table.maxn({1, 2, 3})", "23")]
    [InlineData("return loadstring('return 5')()", "5")]
    [InlineData("return math.pow(2, 3)", "8.0")]
    [InlineData("return bit.band(0xff, 0x0f) .. bit.bor(1, 2) .. bit.lshift(1, 4)", "15316")]
    [InlineData("return bit.bnot(0) .. bit.tohex(255)", "-1000000ff")]
    [InlineData("return ('a=1, b=2'):gsub('(%w)=(%w)', '%2=%1')", "1=a, 2=b")]
    [InlineData("return ('hello'):gsub('', '-')", "-h-e-l-l-o-")]
    [InlineData("return ('abc'):gsub('%w', '%0%0', 2)", "aabbc")]
    [InlineData("return ('hello world'):gsub('o', {o = '0'})", "hell0 w0rld")]
    [InlineData("return ('$name'):gsub('%$(%w+)', function(n) return n:upper() end)", "NAME")]
    [InlineData("local s = '' for k, v in ('a=1,b=2'):gmatch('(%w+)=(%w+)') do s = s .. k .. v end return s", "a1b2")]
    [InlineData("local n = 0 for _ in ('abc'):gmatch('x*') do n = n + 1 end return n", "4")]
    [InlineData("return ('key = value'):match('^(%w+)%s*=%s*(%w+)$')", "key")]
    [InlineData("return ('  trim '):match('^%s*(.-)%s*$')", "trim")]
    [InlineData("return ('THE (quick) fox'):find('%((%a+)%)')", "5")]
    [InlineData("return ('f(a(b)c)d'):match('%b()')", "(a(b)c)")]
    [InlineData("return ('THE (quick) fox'):gsub('%f[%a]%a+', string.lower)", "the (quick) fox")]
    [InlineData("return ('abcabc'):match('(abc)%1')", "abc")]
    [InlineData("return ('abc'):match('()b()')", "2")]
    [InlineData("return ('a.b'):find('.', 1, true)", "2")]
    [InlineData("return ('a]b'):match('[]]')", "]")]
    [InlineData("return ('a-b'):match('[a%-]+')", "a-")]
    [InlineData("return ('0x1F'):match('^0[xX](%x+)$')", "1F")]
    [InlineData("return ('abc'):find('b', -1)", "nil")]
    [InlineData("return ('abc'):gsub('^a', 'x')", "xbc")]
    [InlineData("return #string.rep('ab', 3, ',')", "8")]
    [InlineData("return coroutine.wrap(function() coroutine.yield(4) end)()", "4")]
    [InlineData("return os.date('!%Y', 0) .. type(os.time()) .. type(os.clock())", "1970numbernumber")]
    public async Task Language_IsThatOfScriptsWrittenForEnvoy(string body, string expected)
        => Assert.Equal(expected, await LuaProxy.AnswerAsync(body.StartsWith("return", StringComparison.Ordinal)
            ? "return (" + body[7..] + ")" : body));

    [Fact]
    public async Task Context_IsSharedByBothHooksOfOneRequestOnly()
    {
        await using var proxy = await LuaProxy.StartAsync("""
            function envoy_on_request(h) h:context().path = (h:context().path or "") .. h:headers():get(":path") end
            function envoy_on_response(h) h:headers():add("x-path", h:context().path) end
            """);
        Assert.Equal("/a", (await proxy.GetAsync("/a"))["x-path"]);
        Assert.Equal("/b", (await proxy.GetAsync("/b"))["x-path"]);
    }

    [Fact]
    public async Task SharedDictionaryThatIsFull_LosesTheOldestAndCountsIt()
    {
        await using var proxy = await LuaProxy.StartAsync("""
            local d, n = managed.shared("full"), 0
            function envoy_on_request(h)
              n = n + 1
              d:set("k" .. n, string.rep("x", 1000000))
              h:headers():add("x-first", tostring(d:get("k1") ~= nil) .. tostring(d:get("k" .. n) ~= nil))
            end
            """);
        for (int i = 0; i < 12; i++) await proxy.GetAsync();
        Assert.Equal("truetrue", proxy.Upstream.Requests[0]["x-first"]);
        Assert.Equal("falsetrue", proxy.Upstream.Requests[11]["x-first"]);
        Assert.Equal(4, SharedTables.Of(proxy.Proxy.Server.Stats).Evicted);
    }

    [Fact]
    public async Task SharedDictionary_IsOneForAllWorkers()
    {
        await using var proxy = await LuaProxy.StartAsync("""
            local d = managed.shared("counts")
            function envoy_on_request(h)
              d:set("text", "a\0b") d:set("flag", true) d:set("gone", 1) d:delete("gone")
              assert(d:get("text") == "a\0b" and d:get("flag") == true and d:get("gone") == nil)
              assert(d:add("once", 1) == (d:get("n") == nil))
              d:set("short", 1, 0.001)
              h:headers():add("x-n", d:incr("n", 2, 10))
            end
            """, workers: 2);
        var all = new List<int>();
        for (int i = 0; i < 20; i++) await proxy.GetAsync();
        foreach (var request in proxy.Upstream.Requests) all.Add(int.Parse(request["x-n"]!));
        Assert.Equal(Enumerable.Range(0, 20).Select(i => 12 + 2 * i), all.Order());
        Assert.True(proxy.Errors == 0, proxy.Log);
    }

    [Fact]
    public async Task Signature_IsVerified()
    {
        using var rsa = RSA.Create(2048);
        string Lua(byte[] bytes) => string.Concat(bytes.Select(b => $"\\{b:000}"));
        byte[] key = rsa.ExportSubjectPublicKeyInfo(),
            signature = rsa.SignData("data"u8, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        string answer = await LuaProxy.AnswerAsync($"""
            local der, signature = "{Lua(key)}", "{Lua(signature)}"
            local key = h:importPublicKey(der, #der)
            local ok, e = h:verifySignature("SHA256", key, signature, #signature, "data", 4)
            local bad, e2 = h:verifySignature("SHA256", key, signature, #signature, "date", 4)
            local other, e3 = h:verifySignature("MD5", key, signature, #signature, "data", 4)
            local none, e4 = h:verifySignature("SHA256", h:importPublicKey("x", 1), signature, #signature, "data", 4)
            return tostring(ok) .. " " .. tostring(bad) .. " " .. tostring(other) .. " " .. tostring(none) .. e .. "|" .. e2
            """);
        Assert.Equal("true false false false|Failed to verify digest.", answer);
    }

    [Fact]
    public async Task Drain_ClosesTheConnection()
    {
        await using var proxy = await LuaProxy.StartAsync(
            "function envoy_on_request(h) h:streamInfo():drainConnectionUponCompletion() end");
        Assert.Equal("close", (await proxy.GetAsync())["connection"]);
    }

    [Fact]
    public async Task Log_SaysScriptLineAndRequest()
    {
        await using var proxy = await LuaProxy.StartAsync("function envoy_on_request(h)\n h:logWarn('look here')\nend");
        await proxy.GetAsync(headers: "x-request-id: 11111111-2222-4333-8444-555555555555\r\n");
        Assert.Contains("default_source_code:2: look here", proxy.Log);
    }
}
