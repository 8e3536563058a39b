using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Http.Codecs.Http2;

namespace Managed.Proxy.Tests.Http.Codecs.Http2;

/// <summary>What the connections of a test have in common: a loop, options, statistics, pooled exchanges.</summary>
internal sealed class TestSide
{
    private readonly StatsRegistry _registry = new();

    public TestSide(Managed.Proxy.Core.EventLoop.EventLoop loop, Http2Options options)
    {
        (Loop, Options) = (loop, options);
        Cells = _registry.AddWorker(loop.Post);
        var scope = _registry.Begin();
        Stats = new Http2Stats(scope.Group("http2.", Http2Stats.Group));
        scope.Use();
    }

    public Managed.Proxy.Core.EventLoop.EventLoop Loop { get; }
    public Http2Options Options { get; }
    public StatsCells Cells { get; }
    public Http2Stats Stats { get; }
    public Stack<TestExchange> Free { get; } = new();
    public int Served { get; set; }
    /// <summary>Called as a stream has been served; loop thread.</summary>
    public Action? OnServed { get; set; }

    public long Stat(string name) => _registry.Value("http2." + name);
}

/// <summary>A server's connection over <see cref="TestExchange"/>.</summary>
internal sealed class TestServerConnection(TestSide side, Transport transport)
    : Http2Connection(side.Loop, side.Cells, transport, side.Options, side.Stats, isServer: true, isSecure: false)
{
    private readonly Dictionary<Http2Stream, TestExchange> _exchanges = [];

    protected override Http2Stream RentStream()
    {
        var exchange = side.Free.TryPop(out var free) ? free : new TestExchange(side.Loop);
        _exchanges[exchange.Stream] = exchange;
        return exchange.Stream;
    }

    protected override void OnBegun(Http2Stream stream) => _exchanges[stream].ServeAsync(this).Forget();

    protected override void OnUnused(Http2Stream stream)
    {
        _exchanges.Remove(stream, out var exchange);
        side.Free.Push(exchange!);
    }

    public void Return(Http2Stream stream)
    {
        side.Served++;
        side.OnServed?.Invoke();
        OnUnused(stream);
    }
}
