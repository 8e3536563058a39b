using System.Collections.Concurrent;
using System.Net;
using Managed.TestKit;

namespace Managed.Integration.Publication;

/// <summary>
/// Clients that ask one after the other without a pause, on keep-alive connections (a new one only where the proxy said close), until
/// disposed; every answer that is not 200 and every break is kept.
/// </summary>
internal sealed class SteadyTraffic : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<string> _failures = new();
    private readonly List<Task> _clients;
    private long _answers;

    public SteadyTraffic(Func<IPEndPoint> where, int clients = 8) =>
        _clients = [.. Enumerable.Range(0, clients).Select(_ => Task.Run(() => RunAsync(where)))];

    public IReadOnlyList<string> Failures => [.. _failures];
    public long Answers => Interlocked.Read(ref _answers);
    /// <summary>Looks at each answer; a text is a failure.</summary>
    public Func<RawResponse, string?>? Check { get; init; }

    /// <summary>Waits until some more answers have come.</summary>
    public Task FlowAsync(int answers = 200)
    {
        long until = Answers + answers;
        return Eventually.Async(() => Answers >= until, $"{answers} answers; failures so far: {string.Join("; ", _failures.Take(3))}");
    }

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_clients);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
    }

    private async Task RunAsync(Func<IPEndPoint> where)
    {
        RawClient? client = null;
        try
        {
            while (!_stop.IsCancellationRequested)
            {
                client ??= await RawClient.ConnectAsync(where());
                await client.GetAsync("/steady");
                var response = await client.ReadAsync();
                if (response.Status != 200) _failures.Enqueue($"{response.Status} {response.Text}");
                else if (Check?.Invoke(response) is { } wrong) _failures.Enqueue(wrong);
                Interlocked.Increment(ref _answers);
                if (response["connection"] != "close") continue;
                await client.DisposeAsync();
                client = null;
            }
        }
        catch (Exception e)
        {
            _failures.Enqueue(e.Message);
        }
        if (client is not null) await client.DisposeAsync();
    }
}
