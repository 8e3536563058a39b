using System.Collections.Concurrent;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Timers;
using Managed.TestKit;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Managed.Proxy.Tests.Core;

public sealed class WatchdogTests : IAsyncLifetime
{
    private readonly Lines _log = new();
    private readonly ProxyServer _server;

    public WatchdogTests()
        => _server = new ProxyServer(new ProxyOptions { Workers = 2, LoggerFactory = LoggerFactory.Create(b => b.AddProvider(_log)) });

    public ValueTask InitializeAsync()
    {
        _server.Start();
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task StandingWorker_IsCountedAndSaidWithWhatItRuns()
    {
        using var goOn = new ManualResetEventSlim();
        _server.WorkerAt(1).Post(_ => goOn.Wait(), null);
        await Eventually.Async(() => _server.Stats.Value("server.worker_1.watchdog_mega_miss") == 1, "the standstill to be seen", 60);
        await Eventually.Async(() => _log.Has("Worker 1 has stood still", nameof(WatchdogTests)), "the line", 60);
        Assert.Equal(1, _server.Stats.Value("server.worker_1.watchdog_miss"));
        Assert.Equal(1, _server.Stats.Value("server.watchdog_mega_miss"));
        Assert.Equal(0, _server.Stats.Value("server.worker_0.watchdog_mega_miss"));
        goOn.Set();
    }

    [Fact]
    public async Task WhatThrowsOnAWorker_IsCountedAndLoggedAFewTimes()
    {
        var worker = _server.WorkerAt(0);
        for (int i = 0; i < 1000; i++) worker.Post(_ => throw new InvalidOperationException("ours"), null);
        await Eventually.Async(() => _server.Stats.Value("server.worker_exceptions") == 1000, "all of them", 60);
        await Eventually.Async(() => _log.Has("nobody caught", ""), "a line", 60);
        Assert.InRange(_log.Count("nobody caught"), 1, 500);
        using var alive = new ManualResetEventSlim();
        worker.Post(_ => alive.Set(), null);
        Assert.True(alive.Wait(TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public void WhatALoopRuns_IsSaidInWords()
    {
        Assert.Equal("a timer of WatchdogTests", Watchdog.Describe(new WheelTimer(_ => { }, null), null));
        int captured = 0;
        Assert.Equal("what was posted by WatchdogTests", Watchdog.Describe((Action<object?>)(_ => captured++), null));
        Assert.Equal("the loop itself", Watchdog.Describe(null, null));
    }

    private sealed class Lines : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public bool Has(string one, string other)
            => _lines.Any(l => l.Contains(one, StringComparison.Ordinal) && l.Contains(other, StringComparison.Ordinal));
        public int Count(string text) => _lines.Count(l => l.Contains(text, StringComparison.Ordinal));
        public ILogger CreateLogger(string categoryName) => this;
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
            => _lines.Enqueue(formatter(state, exception));

        public void Dispose() { }
    }
}
