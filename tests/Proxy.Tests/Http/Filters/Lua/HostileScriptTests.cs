using System.Diagnostics;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Lua;

/// <summary>Scripts that mean harm: each is stopped on its own stream, and the worker goes on to serve others.</summary>
public sealed class HostileScriptTests
{
    public static TheoryData<string> Scripts =>
    [
        // without end
        "while true do end",
        "repeat until false",
        "local function f() return f() end f()",
        "for i = 1, math.huge do end",
        "goto a ::a:: goto a",
        "while true do pcall(error) end",
        "local function f() while true do pcall(f) end end f()",
        "while true do pcall(function() while true do end end) end",
        "xpcall(function() while true do end end, function() while true do end end)",
        "while true do coroutine.wrap(function() while true do end end)() end",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
        "table.sort({3, 2, 1}, function() while true do end end)",
        "string.gsub('aaa', 'a', function() while true do end end)",
        "tostring(setmetatable({}, {__tostring = function() while true do end end}))",
        "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) return t[1]",
        "local t = setmetatable({}, {__eq = function() while true do end end}) return t == setmetatable({}, getmetatable(t))",
        "load(function() while true do end end)",
        "for k in pairs(setmetatable({}, {__pairs = function() return function() return 1 end end})) do end",
        "for c in string.gmatch(string.rep('a', 100000), '') do for d in string.gmatch(string.rep('a', 100000), '') do end end",
        // deep
        "local function f() return 1 + f() end f()",
        "local function f() pcall(f) f() end f()",
        "local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x",
        "local s = string.rep('(', 100000) load(s)",
        "local function f() return coroutine.wrap(f)() end f()",
        "string.find(string.rep('a', 10000), string.rep('(a', 500))",
        "return string.rep('x', 300):find(string.rep('x?', 300) .. string.rep('x', 300) .. 'y')",
        // large
        "string.rep('x', 1e10)",
        "string.rep('x', 1 << 40)",
        "string.rep('', 1 << 60) while true do end",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} while true do t[#t + 1] = {} end",
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "leak = leak or {} while true do leak[#leak + 1] = string.rep('x', 10000) .. #leak end",
        "table.concat(setmetatable({}, {__len = function() return 1 << 40 end}))",
        "table.unpack({}, 1, 1e8)",
        "table.move({}, 1, 1 << 60, 2)",
        "table.concat({}, 'x', 1, 1 << 60)",
        "table.insert(setmetatable({}, {__len = function() return 1 << 40 end}), 1, 'x')",
        "string.format('%99999d', 1)",
        "local s = string.rep('x', 8000000) while true do pcall(function() return s .. 'y' end) end",
        "while true do pcall(string.rep, 'x', 15000000) end",
        // patterns
        "string.find(string.rep('a', 100000), string.rep('.-', 50) .. 'b')",
        "string.match(string.rep('a', 5000), '(.*)(.*)(.*)(.*)(.*)b')",
        "while true do string.find(string.rep('a', 5000), '.-.-.-b') end",
        "string.gsub(string.rep('(', 100000), '%b()', '')",
        "string.find('x', '[')",
        // games with the objects
        "setmetatable(h, {})",
        "h.headers = nil",
        "getmetatable(h).__index = {}",
        "setmetatable({}, {__gc = function() while true do end end})",
        "setmetatable({}, {__close = function() while true do end end})",
        "h:respond({[':status'] = '200'}, 1, 2) h:respond({})",
        "h.headers(1)",
        "h:headers().get(h, 'x')",
        "coroutine.yield(h)",
        "coroutine.wrap(function() h:body() end)()",
        "error(setmetatable({}, {__tostring = function() while true do end end}))",
        "string.find = nil h:headers():get('x') error()",
        "rawset(_G, 'pcall', nil) setmetatable(_G, {__index = function(t, k) return t[k] end}) return nothing",
        // ways out
        "io.open('/etc/passwd')", "os.execute('true')", "os.exit()", "os.getenv('HOME')", "require('os')", "package.loadlib('x', 'y')",
        "debug.getregistry()", "dofile('/etc/passwd')", "string.dump(print)", "assert(load('\\27Lua'))",
        "assert(load(string.char(27) .. 'Lua', 'x', 'b'))",
        "luanet.import_type('System.IO.File')", "import('System')", "coroutine.close(coroutine.create(print))",
    ];

    [Theory]
    [MemberData(nameof(Scripts))]
    public async Task Script_IsStoppedAndOthersAreServed(string code)
    {
        await using var proxy = await LuaProxy.StartAsync(
            $"function envoy_on_request(h) if h:headers():get('x-good') then return end {code} end");
        for (int i = 0; i < 3; i++)
        {
            var bad = await proxy.GetAsync(); // has a limit, as each wait of the client
            Assert.True(bad.Status is 200, $"{bad.Status} {proxy.Log}");
            var good = await proxy.GetAsync(headers: "x-good: 1\r\n");
            Assert.Equal(200, good.Status);
        }
        Assert.Empty(proxy.Proxy.Log.Crashes);
    }

    [Fact]
    public async Task OthersWait_NoLongerThanTheHostileScriptMayRun()
    {
        // One worker; one client in the endless loop of its own stream again and again, another beside it.
        await using var proxy = await LuaProxy.StartAsync(
            "function envoy_on_request(h) if h:headers():get('x-bad') then while true do end end end",
                ", limits: {instructions: 1000000000, wall_time: 0.02s}");
        using var stop = new CancellationTokenSource();
        var watch = Stopwatch.StartNew();
        var bad = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested) Assert.Equal(200, (await proxy.GetAsync(headers: "x-bad: 1\r\n")).Status);
        }, TestContext.Current.CancellationToken);
        await using var client = await proxy.Proxy.ConnectAsync();
        // Each of them is served; and until the script has been put aside, however long that takes.
        for (int i = 0; i < 1_000 || proxy.Proxy.Stat("http.edge.lua.quarantines") == 0; i++)
        {
            Assert.True(watch.Elapsed.TotalSeconds < Eventually.Limit, "it was not put aside");
            Assert.Equal(200, (await client.AskAsync("GET / HTTP/1.1\r\nHost: h\r\n\r\n")).Status);
        }
        await stop.CancelAsync();
        await bad;
        // A breach costs 20 ms of the worker: ten of them, and after that one a second.
        Assert.InRange(proxy.Proxy.Server.GuestVms().Sum(v => v.Breaches), 1, 12 + (long)watch.Elapsed.TotalSeconds);
    }

    [Fact]
    public async Task StateThatIsFull_IsReplacedByAFreshOne()
    {
        await using var proxy = await LuaProxy.StartAsync(
            "t = t or {} function envoy_on_request(h) for i = 1, 1e9 do t[#t + 1] = {i} end end",
                ", limits: {memory: 2MiB, wall_time: 1s, instructions: 100000000}");
        for (int i = 0; i < 12; i++) Assert.Equal(200, (await proxy.GetAsync()).Status);
        var vm = Assert.Single(proxy.Proxy.Server.GuestVms());
        Assert.Equal(("quarantined", 10L, 10L), (vm.State, vm.Breaches, vm.Errors));
        Assert.InRange(vm.MemoryBytes, 0, 1 << 20);
    }

    [Fact]
    public async Task HandleKeptInAGlobal_IsDeadLater()
    {
        await using var proxy = await LuaProxy.StartAsync("""
            kept = {}
            function envoy_on_request(h)
              local said = {}
              for _, f in ipairs(kept) do
                local ok, e = pcall(f)
                said[#said + 1] = tostring(ok) .. (e and e:match("proper scope") or "")
              end
              h:headers():add("x-said", table.concat(said, " "))
              local hs, info, meta, conn = h:headers(), h:streamInfo(), h:metadata(), h:connection()
              kept = { function() h:headers() end, function() hs:get("x") end, function() info:protocol() end, function() meta:get("x") end, function() conn:logInfo("x") end,
                function() h:body() end, function() h:respond({[":status"] = "200"}, "x") end, function() h:httpCall("up", {}, nil, 1) end }
            end
            """);
        await proxy.GetAsync();
        await proxy.GetAsync();
        Assert.Equal(string.Join(' ', Enumerable.Repeat("falseproper scope", 8)), proxy.Upstream.Requests[1]["x-said"]);
        Assert.Equal(0, proxy.Errors);
    }

    [Fact]
    public async Task RepeatedBreaches_PutTheScriptIntoQuarantine()
    {
        await using var proxy = await LuaProxy.StartAsync("function envoy_on_request(h) while true do end end",
            ", limits: {instructions: 10000}");
        for (int i = 0; i < 12; i++) Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(10, proxy.Errors);
        Assert.Equal(10, proxy.Proxy.Stat("http.edge.lua.budget_breaches"));
        Assert.Equal(1, proxy.Proxy.Stat("http.edge.lua.quarantines"));
        Assert.Equal(2, proxy.Proxy.Stat("http.edge.lua.quarantined"));
    }

    [Fact]
    public async Task WaitingScripts_OfManyStreamsKeepApart()
    {
        await using var proxy = await LuaProxy.StartAsync("""
            function envoy_on_request(h)
              local mine = h:headers():get("x-id")
              local fields, body = h:httpCall("up", {[":method"] = "GET", [":path"] = "/call/" .. mine, [":authority"] = "a"}, nil, 5000)
              h:respond({[":status"] = "200"}, mine .. "=" .. body)
            end
            """);
        proxy.Upstream.Answer = r => RecordingUpstream.Ok(r.Target[6..]);
        var answers = await Task.WhenAll(Enumerable.Range(0, 50)
            .Select(async i => (i, (await proxy.GetAsync(headers: $"x-id: {i}\r\n")).Text)));
        Assert.All(answers, a => Assert.Equal($"{a.i}={a.i}", a.Text));
        Assert.Equal(0, proxy.Errors);
    }
}
