using Managed.Proxy.Bindings.Lua;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>stats(): counters, gauges and histograms of scripts; the detail of one is its place in the filter's list.</summary>
internal static unsafe class StatFunctions
{
    public static (string, nint)[] All => [("stat", LuaLibrary.Address(&Find)), ("stat_add", LuaLibrary.Address(&Add)),
        ("stat_value", LuaLibrary.Address(&Value))];

    // (scope, kind, name): kind 0 counter, 1 gauge, 2 histogram
    private static int Find(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Stats, out var run)) return LuaState.Fail(L, LuaHandles.Dead);
        if (LuaHandles.String(L, 3) is not { Length: > 0 and <= 200 } name
            || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-'))
            return LuaState.Fail(L, "the name of a stat has letters, digits, '_', '-' and '.'");
        int place = run.Filter.Settings.FindStat((StatKind)LuaApi.ToInteger(L, 2, null), name);
        if (place < 0) return LuaState.Fail(L, $"stat '{name}' is of another kind, or the script has too many");
        state.PushObject(L, LuaHandles.Stat, place);
        return 1;
    }

    // (stat, amount, set): what the kind does not know is refused
    private static int Add(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Stat, out var run, out int place)) return LuaState.Fail(L, LuaHandles.Dead);
        var stat = run.Filter.Settings.ScriptStat(place);
        int ok;
        long amount = LuaApi.ToInteger(L, 2, &ok);
        if (ok == 0) return LuaState.Fail(L, "whole number expected");
        bool set = LuaApi.ToBoolean(L, 3) != 0;
        var cells = run.Stream.Worker.Stats;
        switch (stat.Kind)
        {
            case StatKind.Counter when amount >= 0 && !set: cells.Add(new Counter(stat.Index), amount); return 0;
            case StatKind.Histogram when amount >= 0 && !set: cells.Record(new Histogram(stat.Index), amount); return 0;
            case StatKind.Gauge:
                // The sum over the workers becomes the value that is set.
                if (set) amount -= run.Filter.Settings.ValueOf(stat);
                cells.Add(new Gauge(stat.Index), amount);
                return 0;
            default: return LuaState.Fail(L, "a counter or histogram takes no negative value and cannot be set");
        }
    }

    private static int Value(LuaState state, nint L)
    {
        if (!LuaHandles.Self(state, L, LuaHandles.Stat, out var run, out int place)) return LuaState.Fail(L, LuaHandles.Dead);
        LuaApi.PushInteger(L, run.Filter.Settings.ValueOf(run.Filter.Settings.ScriptStat(place)));
        return 1;
    }
}
