using System.Diagnostics;
using Managed.Load.Product;
using Managed.Load.Traffic;

namespace Managed.Load.Runs;

/// <summary>Publishes the listener with the next stamp, each on top of the one before (If-Match).</summary>
internal sealed class EdgePublisher(AdminClient admin, Scene scene, LoadGenerator load, Verdict verdict)
{
    private string? _etag;
    private long _stamp;

    public long Version { get; private set; }
    /// <summary>How long the calls took.</summary>
    public LatencyHistogram Times { get; private set; } = new();

    public void Reset() => Times = new();

    public async Task PublishAsync()
    {
        _etag ??= (await admin.GetAsync("listeners/edge")).ETag;
        var started = Stopwatch.GetTimestamp();
        var answer = await admin.SendAsync(HttpMethod.Put, $"listeners/edge?comment=stamp-{++_stamp}",
            scene.Document.Edge(_stamp).ToJsonString(), _etag);
        Times.Add(Stopwatch.GetTimestamp() - started);
        if (answer.Status != 200)
        {
            verdict.Miss($"publication {_stamp} was answered with {answer.Status}: {answer.Short}");
            _etag = null;
            return;
        }
        load.Acknowledged = _stamp;
        (_etag, Version) = (answer.ETag, answer.Version ?? 0);
    }

    /// <summary>So many, spread evenly over a time.</summary>
    public async Task PublishAsync(int count, TimeSpan over)
    {
        var started = Stopwatch.GetTimestamp();
        for (var i = 0; i < count; i++)
        {
            if (over * i / count - Stopwatch.GetElapsedTime(started) is { Ticks: > 0 } early) await Task.Delay(early);
            await PublishAsync();
        }
        if (over - Stopwatch.GetElapsedTime(started) is { Ticks: > 0 } rest) await Task.Delay(rest);
    }
}
