using System.Net;
using Managed.TestKit;

namespace Managed.Integration.TakeOver;

/// <summary>
/// Clients that ask a hundred times a second each, on a connection that they keep as long as the proxy does, or on a new one each time;
/// whatever is not answered with 200 is kept.
/// </summary>
internal sealed class PacedTraffic : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<string> _failures = [];
    private readonly List<Task> _clients;
    private readonly long[] _answers;

    public PacedTraffic(IReadOnlyList<(EndPoint Where, bool Keeps)> clients)
    {
        _answers = new long[clients.Count];
        _clients = [.. clients.Select((c, i) => Task.Run(() => RunAsync(c.Where, c.Keeps, i)))];
    }

    public IReadOnlyList<string> Failures
    {
        get
        {
            lock (_failures) return [.. _failures];
        }
    }

    /// <summary>Waits until each client has had some more answers.</summary>
    public Task FlowAsync()
    {
        var until = Enumerable.Range(0, _answers.Length).Select(i => Interlocked.Read(ref _answers[i]) + 10).ToList();
        return Eventually.Async(() => until.Select((u, i) => Interlocked.Read(ref _answers[i]) >= u).All(x => x), "answers to each client");
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

    private async Task RunAsync(EndPoint where, bool keeps, int number)
    {
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        RawClient? client = null;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                client ??= await RawClient.ConnectAsync(where);
                await client.GetAsync("/paced", headers: keeps ? "" : "Connection: close\r\n");
                var response = await client.ReadAsync();
                if (response.Status != 200) throw new InvalidDataException($"answered with {response.Status}");
                if (response["connection"] == "close") await EndAsync();
                Interlocked.Increment(ref _answers[number]);
                await pace.WaitForNextTickAsync(_stop.Token);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e)
            {
                lock (_failures) _failures.Add($"{where}, {(keeps ? "kept" : "new")}: {e.Message}");
                await EndAsync();
            }
        }
        await EndAsync();

        async Task EndAsync()
        {
            if (client is not null) await client.DisposeAsync();
            client = null;
        }
    }
}
