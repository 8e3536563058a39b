using Managed.Proxy.Core.Telemetry;
using Microsoft.Extensions.Logging;

namespace Managed.Proxy.Core;

/// <summary>
/// What happens on workers and others are to know of: exceptions that nobody caught, filters that threw, what guest code says, and
/// events for whoever listens. One for all workers of a process; any thread may report.
/// </summary>
internal sealed class Reports
{
    private const int CrashesPerSecond = 5;
    // Enough to follow what happens, too little to push other events out of sight; the log has all.
    private const int ToldPerSecond = 20;

    private readonly ILogger _logger;
    private readonly StatsCells _cells; // of what is counted by more than one thread, under its own lock
    private readonly Counter _exceptions;
    private long _crashSecond, _crashesTold, _crashesUntold;

    /// <param name="logger">For crashes and filters that fail.</param>
    /// <param name="scripts">Where guest code logs.</param>
    public Reports(ILogger logger, ILogger scripts, StatsRegistry stats)
    {
        _logger = logger;
        Scripts = scripts;
        _cells = stats.AddWorker(static (action, state) => action(state)); // its names stay, so nothing is ever cleared
        _exceptions = stats.Counter("server.worker_exceptions");
    }

    /// <summary>Where guest code logs.</summary>
    public ILogger Scripts { get; }

    /// <summary>Told of each event, on the thread where it happens.</summary>
    public event Action<ProxyEvent>? Raised;

    /// <summary>Counts and, a few times a second, logs what nobody caught; the line is written off the worker.</summary>
    public void OnCrash(Exception exception)
    {
        long untold;
        lock (_cells)
        {
            _cells.Increment(_exceptions);
            long second = Environment.TickCount64 / 1000;
            if (second != _crashSecond) (_crashSecond, _crashesTold) = (second, 0);
            if (++_crashesTold > CrashesPerSecond)
            {
                _crashesUntold++;
                return;
            }
            (untold, _crashesUntold) = (_crashesUntold, 0);
        }
        Chores.Add(() => Log.WorkerCrash(_logger, untold, exception));
    }

    public void OnFilterFailure(string filter, Exception exception) => Log.FilterFailure(_logger, filter, exception);

    /// <summary>An event: its type, such as <c>vm.quarantined</c>, and its data by name.</summary>
    public void Raise(string type, params ReadOnlySpan<(string Name, object? Value)> data)
    {
        if (Raised is not { } raised) return;
        var members = new Dictionary<string, object?>();
        foreach (var (name, value) in data) members[name] = value;
        raised(new ProxyEvent(type, members));
    }

    /// <summary>
    /// Raises <c>script.log</c>: level, place (<c>script:line</c>, may be empty), text, request_id, version, worker, and in dropped how
    /// many lines of this worker were left out before it. On the worker.
    /// </summary>
    public void ScriptSaid(WorkerContext worker, LogLevel level, string place, string text, string requestId, long version)
    {
        if (Raised is null || !worker.MayTell(ToldPerSecond, out long dropped)) return;
        Chores.Add(() => Raise("script.log", ("level", level.ToString().ToLowerInvariant()), ("place", place), ("text", text),
            ("request_id", requestId),
            ("version", version), ("worker", worker.Id), ("dropped", dropped)));
    }

    /// <summary>The same of a Wasm module: its name is the place, and its vm_id is told too. On the worker.</summary>
    public void ModuleSaid(WorkerContext worker, LogLevel level, string module, string vmId, string text, string requestId, long version)
    {
        if (Raised is null || !worker.MayTell(ToldPerSecond, out long dropped)) return;
        Chores.Add(() => Raise("script.log", ("level", level.ToString().ToLowerInvariant()), ("place", module), ("text", text),
            ("request_id", requestId),
            ("version", version), ("worker", worker.Id), ("dropped", dropped), ("vm_id", vmId)));
    }
}
