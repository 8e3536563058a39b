using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Managed.Proxy.Bindings.Lua;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http.Filters.Lua;

/// <summary>What a route's entry was built with.</summary>
internal sealed record LuaRoute(bool Disabled, string? Name, LuaScript? Script, ConfigObject? Context);

/// <summary>What the filter was built with.</summary>
internal sealed class LuaSettings(LuaConfig config, LuaScript? main, Dictionary<string, LuaScript> named, LuaStats stats, StatScope names)
{
    // A script that makes names from what clients send must not fill the registry.
    private const int MaxScriptStats = 1000;

    private readonly ConcurrentDictionary<string, int> _byName = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private volatile ScriptStat[] _scriptStats = [];

    public LuaConfig Config { get; } = config;
    public LuaStats Stats { get; } = stats;
    public SharedTables Tables { get; } = SharedTables.Of(names.Registry);

    public LuaScript? Choose(LuaRoute? route)
    {
        if (route is null) return main;
        if (route.Disabled) return null;
        if (route.Script is { } own) return own;
        return route.Name is { } name ? named.GetValueOrDefault(name) : main;
    }

    public ScriptStat ScriptStat(int index) => _scriptStats[index];

    /// <summary>Of a counter or gauge over all workers; 0 of a histogram.</summary>
    public long ValueOf(ScriptStat stat) => stat.Kind == StatKind.Histogram ? 0 : names.Registry.ValueAt(stat.Index);

    /// <summary>The place of a stat that a script asks for; -1 when there are too many or the name has another kind.</summary>
    public int FindStat(StatKind kind, string name)
    {
        if (_byName.TryGetValue(name, out int index)) return _scriptStats[index].Kind == kind ? index : -1;
        lock (_lock)
        {
            if (_byName.TryGetValue(name, out index)) return _scriptStats[index].Kind == kind ? index : -1;
            if (_scriptStats.Length >= MaxScriptStats) return -1;
            string full = Stats.Prefix + name;
            int at;
            try
            {
                at = names.Guest(kind, full, Stats.Prefix);
            }
            catch (InvalidOperationException)
            {
                return -1;
            }
            _scriptStats = [.. _scriptStats, new ScriptStat(kind, full, at)];
            return _byName[name] = _scriptStats.Length - 1;
        }
    }
}

internal sealed record ScriptStat(StatKind Kind, string Name, int Index);

/// <summary>Under <c>http.prefix.lua.</c>, with the filter's stat_prefix behind when it has one.</summary>
internal sealed class LuaStats
{
    private static readonly ConditionalWeakTable<StatsRegistry, object> Observed = [];

    public LuaStats(FilterBuildContext context, string statPrefix)
    {
        Prefix = context.StatPrefix + "lua." + (statPrefix.Length > 0 ? statPrefix.TrimEnd('.') + "." : "");
        context.Stats.Own(Prefix);
        Errors = context.Stats.Counter(Prefix + "errors");
        Executions = context.Stats.Counter(Prefix + "executions");
        Breaches = context.Stats.Counter(Prefix + "budget_breaches");
        Quarantines = context.Stats.Counter(Prefix + "quarantines");
        Skipped = context.Stats.Counter(Prefix + "quarantined");
        Time = context.Stats.Histogram(Prefix + "execution_time");
        Instructions = context.Stats.Histogram(Prefix + "instructions");
        var registry = context.Stats.Registry;
        if (!Observed.TryAdd(registry, Prefix)) return;
        registry.Observe("lua.lua_vm_count", static () => LuaState.Live);
        var tables = SharedTables.Of(registry);
        registry.Observe("lua.shared_evicted", () => tables.Evicted);
    }

    public string Prefix { get; }
    /// <summary>
    /// Runs that failed, runs of a hook, runs over a budget, times a script was put into quarantine, runs left out for it.
    /// </summary>
    public Counter Errors { get; }
    public Counter Executions { get; }
    public Counter Breaches { get; }
    public Counter Quarantines { get; }
    public Counter Skipped { get; }
    /// <summary>On the worker, from a resume to the next wait.</summary>
    public Histogram Time { get; }
    /// <summary>Of a whole call of a hook, counted in steps of 1,000.</summary>
    public Histogram Instructions { get; }
}
