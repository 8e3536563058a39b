using System.Collections.Concurrent;
using Managed.Proxy.Core;
using Microsoft.Extensions.Logging;

namespace Managed.TestKit;

/// <summary>Keeps log lines of Warning and above.</summary>
public sealed class KeptLog : ILoggerFactory, ILogger
{
    private readonly ConcurrentQueue<(LogLevel Level, string Text)> _lines = new();

    /// <summary>Waits for those that are still to be written.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            Chores.Finish(TimeSpan.FromSeconds(5));
            return [.. _lines.Select(l => l.Text)];
        }
    }

    /// <summary>Exceptions that nothing handled.</summary>
    public IReadOnlyList<string> Crashes => [.. _lines.Where(l => l.Level >= LogLevel.Error).Select(l => l.Text)];

    public ILogger CreateLogger(string categoryName) => categoryName == "Managed.Proxy.Script" ? new ScriptLog(this) : this;
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();
    public void Dispose() { }
    IDisposable? ILogger.BeginScope<TState>(TState state) => null;
    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel)) _lines.Enqueue((logLevel, formatter(state, exception) + (exception is null ? "" : "\n" + exception)));
    }

    /// <summary>A script may call anything an error; it is none of the data plane's.</summary>
    private sealed class ScriptLog(KeptLog kept) : ILogger
    {
        IDisposable? ILogger.BeginScope<TState>(TState state) => null;
        public bool IsEnabled(LogLevel logLevel) => kept.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) kept._lines.Enqueue((LogLevel.Warning, formatter(state, exception)));
        }
    }
}
