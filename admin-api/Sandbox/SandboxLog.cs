using System.Collections.Concurrent;

namespace Managed.AdminApi.Sandbox;

/// <summary>Keeps what a sandbox logs, of every level.</summary>
internal sealed class SandboxLog : ILoggerFactory, ILogger
{
    private const int Kept = 1000;

    public ConcurrentQueue<LogLine> Lines { get; } = new();

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose()
    {
    }

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;

    public bool IsEnabled(LogLevel logLevel) => Lines.Count < Kept;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        // That the sandbox's own version went live is nobody's news.
        if (IsEnabled(logLevel) && eventId.Id is not 1001)
            Lines.Enqueue(new(logLevel.ToString().ToLowerInvariant(), formatter(state, exception)));
    }
}
