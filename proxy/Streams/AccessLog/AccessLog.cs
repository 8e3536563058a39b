using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.FaultInjection;
using Managed.Proxy.Core;

namespace Managed.Proxy.Streams.AccessLog;

/// <summary>The loggers of one listener or connection manager of one version. Immutable, shared by all workers.</summary>
public sealed class AccessLog
{
    private readonly Logger[] _loggers;

    private AccessLog(Logger[] loggers) => _loggers = loggers;

    /// <summary>
    /// Null when nothing is to be logged, or errors were added. Opens the files: one that cannot be opened for appending is an error.
    /// </summary>
    public static AccessLog? Build(IReadOnlyList<AccessLogConfig> configs, ConfigErrors errors, AccessLogFiles files)
    {
        var loggers = configs.Select(c => Logger.Build(c, errors, files)).OfType<Logger>().ToArray();
        return loggers.Length == configs.Count && loggers.Length > 0 ? new AccessLog(loggers) : null;
    }

    /// <summary>
    /// Writes the lines of an ended stream or connection. Never blocks, allocates nothing in steady state: where the disk is slower
    /// than the traffic, lines are dropped and counted (<c>access_log.dropped</c>).
    /// </summary>
    public void Log(WorkerContext worker, StreamInfo info)
    {
        Faults.Pass(FaultPoint.AccessLog);
        foreach (var logger in _loggers)
            if (logger.Filter?.Passes(info) != false) logger.File.Append(worker.Id, worker.Timers, logger.Format, info);
    }
}
