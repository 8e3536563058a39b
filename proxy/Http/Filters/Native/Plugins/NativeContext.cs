using Managed.Filters;
using Managed.Proxy.Bindings;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Telemetry;
using Microsoft.Extensions.Logging;

namespace Managed.Proxy.Http.Filters.Native.Plugins;

/// <summary>What a plug-in is given; lives as long as the plug-in.</summary>
internal sealed class NativeContext(string name, int workers, StatScope names, ILogger logger) : FilterContext
{
    private readonly Lock _lock = new();
    private readonly LogBudget _budget = new();
    private (ConfigErrors Errors, ConfigNode? At)? _building;
    private long _second, _lines;

    public override string Name => name;
    public override int Workers => workers;
    public StatScope Names => names;
    public ILogger Logger => logger;
    public NativeStats Stats { get; } = new(names, NativeStats.NameOf(name));

    /// <summary>While it starts, what it refuses is an error of this document.</summary>
    public void Building(ConfigErrors? errors, ConfigNode? at)
    {
        lock (_lock) _building = errors is null ? null : (errors, at);
    }

    public override void Refuse(string field, string detail)
    {
        lock (_lock)
        {
            if (_building is not var (errors, at))
                throw new InvalidOperationException("a configuration can be refused within OnStart only");
            string[] path = field.Split('.', StringSplitOptions.RemoveEmptyEntries);
            for (int i = 0; i < path.Length - 1 && at is ConfigObject o && o.TryGet(path[i], out var inner); i++) at = inner;
            if (path.Length == 0) errors.Error(at, ConfigCode.InvalidValue, detail);
            else errors.ErrorAt(at, path[^1], ConfigCode.InvalidValue, detail);
        }
    }

    public override FilterCounter Counter(string metric) => new(Metric(StatKind.Counter, metric));
    public override FilterGauge Gauge(string metric) => new(Metric(StatKind.Gauge, metric));
    public override FilterHistogram Histogram(string metric) => new(Metric(StatKind.Histogram, metric));

    public override void Log(FilterLogLevel level, string text)
    {
        if (!MayLog(text.Length)) return;
        text = text.Length <= 2000 ? text : text[..2000] + "…";
        // Off the worker, which must not wait for whoever writes it.
        Core.Chores.Add(() => Plugins.Log.Said(logger, LevelOf(level), name, text));
    }

    /// <summary>Whether one more line may be written.</summary>
    public bool MayLog(int length)
    {
        const int perSecond = 100;
        lock (_lock)
        {
            long second = Environment.TickCount64 / 1000;
            if (second != _second) (_second, _lines) = (second, 0);
            return ++_lines <= perSecond && _budget.TryTake(Math.Min(length, 2000), out _);
        }
    }

    private int Metric(StatKind kind, string metric)
    {
        lock (_lock)
            return _building is null ? throw new InvalidOperationException("metrics are made within OnStart") : Stats.Own(kind, metric);
    }

    private static LogLevel LevelOf(FilterLogLevel level) => level switch
    {
        FilterLogLevel.Debug => LogLevel.Debug,
        FilterLogLevel.Info => LogLevel.Information,
        FilterLogLevel.Warning => LogLevel.Warning,
        _ => LogLevel.Error,
    };
}
