using System.Diagnostics;

namespace Managed.Load.Product;

/// <summary>Asks <c>/ready</c> over a new connection once a second, as a load balancer's check would.</summary>
internal sealed class ReadyProbe : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _asking;
    private int _asked, _failed;
    private double _slowest;

    public ReadyProbe(AdminClient admin) => _asking = AskAsync(admin);

    public async Task<(int Asked, int Failed, double SlowestSeconds)> EndAsync()
    {
        await _stop.CancelAsync();
        await _asking;
        return (_asked, _failed, _slowest);
    }

    public static async Task<bool> AskAsync(Uri admin)
    {
        try
        {
            using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
            using var answer = await http.GetAsync(new Uri(admin, "/ready"));
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _asking;
        _stop.Dispose();
    }

    private async Task AskAsync(AdminClient admin)
    {
        while (!_stop.IsCancellationRequested)
        {
            var began = Stopwatch.GetTimestamp();
            _asked++;
            if (!await AskAsync(admin.Address)) _failed++;
            _slowest = Math.Max(_slowest, Stopwatch.GetElapsedTime(began).TotalSeconds);
            await Task.Delay(1000);
        }
    }
}
