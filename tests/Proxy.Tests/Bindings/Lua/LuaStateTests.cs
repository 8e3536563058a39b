using Managed.Proxy.Bindings.Lua;
using Xunit;

namespace Managed.Proxy.Tests.Bindings.Lua;

/// <summary>One state under calls that end in every way there is.</summary>
public sealed class LuaStateTests
{
    private static readonly LuaLimits Limits = new(20_000, TimeSpan.FromSeconds(5), 4 << 20);

    // An object of no use, for the hook to be called with.
    private static readonly LuaLibrary Objects = new("return { {} }");

    [Fact]
    public void Calls_LeaveNothingBehindHoweverTheyEnd()
    {
        using var state = new LuaState(Limits, CoreFunctions.Library, Objects);
        Assert.True(state.Load("""
            local n = 0
            function hook(o)
              n = n + 1
              local turn = n % 8
              if turn == 1 then error("text")
              elseif turn == 2 then error({table = true})
              elseif turn == 3 then while true do end
              elseif turn == 4 then coroutine.yield(1, 2, 3)
              elseif turn == 5 then local t = {} while true do t[#t + 1] = string.rep("x", 10000) .. #t end
              elseif turn == 6 then pcall(function() error(nil) end) error()
              elseif turn == 7 then coroutine.wrap(function() coroutine.yield() error("inside") end)() end
              return 1, 2, 3, n
            end
            """u8, "script"), state.Error);
        int hook = state.FindFunction("hook"u8);
        long after = 0;
        for (int i = 0; i < 4_000; i++)
        {
            if (state.Call(hook, this, 1, out var thread) == LuaOutcome.Waiting) state.Drop(thread);
            Assert.Equal(0, state.StackDepth);
            if (i == 1_000) after = state.MemoryUsed;
        }
        // what was not collected yet is at most one more state full
        Assert.InRange(state.MemoryUsed, 0, Math.Max(after, 1 << 20) + Limits.Memory);
    }

    [Fact]
    public void ThreadsOfACrowd_GoAfterIt()
    {
        using var state = new LuaState(new(20_000, TimeSpan.FromSeconds(60), 32 << 20), CoreFunctions.Library, Objects);
        Assert.True(state.Load("function hook(o) coroutine.yield() end function work(o) local t = {} for i = 1, 100 do t[i] = {} end end"u8,
            "script"), state.Error);
        var (hook, work) = (state.FindFunction("hook"u8), state.FindFunction("work"u8));
        long before = state.MemoryUsed;
        var crowd = new List<LuaThread>();
        for (int i = 0; i < 5_000; i++)
        {
            Assert.Equal(LuaOutcome.Waiting, state.Call(hook, this, 1, out var thread));
            crowd.Add(thread);
        }
        long most = state.MemoryUsed;
        foreach (var thread in crowd) Assert.Equal(LuaOutcome.Done, state.Resume(thread));
        for (int i = 0; i < 2_000; i++) Assert.Equal(LuaOutcome.Done, state.Call(work, this, 1, out _)); // the collector has been round
        Assert.True(most - before > 2 << 20, $"{most - before} bytes");
        Assert.InRange(state.MemoryUsed - before, long.MinValue, (most - before) / 2);
    }

    [Theory]
    [InlineData("setmetatable({}, {__gc = print})")]
    [InlineData("local t, m = {}, {} setmetatable(t, m) m.__gc = print setmetatable(t, m)")]
    [InlineData("local t = setmetatable({}, {}) getmetatable(t).__gc = print setmetatable(t, getmetatable(t))")]
    [InlineData("_G.setmetatable({}, {__close = print})")]
    [InlineData("local s = load('return setmetatable')() s({}, {__gc = print})")]
    [InlineData("coroutine.wrap(function() setmetatable({}, {__gc = print}) end)()")]
    [InlineData("debug.setmetatable({}, {__gc = print})")]
    [InlineData("getmetatable('').__index = nil")]
    [InlineData("getmetatable('').__gc = print")]
    [InlineData("os.execute('true')")]
    [InlineData("load(string.dump(function() end))")]
    [InlineData("coroutine.close(coroutine.create(print))")]
    public void WayAroundTheSandbox_Fails(string script)
    {
        using var state = new LuaState(Limits, CoreFunctions.Library, Objects);
        Assert.False(state.Load(System.Text.Encoding.UTF8.GetBytes(script), "script"), script);
        Assert.NotEqual("", state.Error);
    }

    [Theory]
    [InlineData("error({})")]
    [InlineData("error(nil)")]
    [InlineData("error(12)")]
    [InlineData("error(print)")]
    [InlineData("error(setmetatable({}, {__tostring = function() return 5 end}))")]
    public void ErrorThatIsNoText_HasAMessageAllTheSame(string script)
    {
        using var state = new LuaState(Limits, CoreFunctions.Library, Objects);
        Assert.False(state.Load(System.Text.Encoding.UTF8.GetBytes(script), "script"));
        Assert.StartsWith("error ", state.Error, StringComparison.Ordinal);
    }
}
