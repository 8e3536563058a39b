using Managed.Filters;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Http.Filters.Native.Plugins;

/// <summary>What a filter on one stream or connection asks of its worker. On that worker.</summary>
internal abstract class NativeHost(NativePlugin plugin, WorkerContext worker) : FilterHost
{
    private const int MaxWork = 100;

    private readonly List<NativeWork> _work = [];

    public NativePlugin Plugin => plugin;
    public WorkerContext Worker => worker;
    /// <summary>The stream or connection is over, or the filter has failed on it: nothing of the plug-in runs any more.</summary>
    public bool IsOver { get; set; }

    public sealed override int WorkerId => worker.Id;
    public sealed override long NowMicros => worker.NowMicros;
    public sealed override void Count(FilterCounter counter, long amount) => worker.Stats.Add(new Counter(counter.Index), amount);
    public sealed override void Add(FilterGauge gauge, long amount) => worker.Stats.Add(new Gauge(gauge.Index), amount);
    public sealed override void Record(FilterHistogram histogram, long value)
        => worker.Stats.Record(new Histogram(histogram.Index), value);
    public sealed override void Log(FilterLogLevel level, string text)
        => plugin.Instance.Context.Log(level, $"{text} ({Subject}, worker {worker.Id})");

    public sealed override FilterWork After(TimeSpan delay, Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        var timer = new NativeTimer(this, action);
        Take(timer);
        timer.Arm(delay);
        return timer;
    }

    public sealed override FilterWork RunElsewhere(Func<CancellationToken, Task<object?>> work, Action<object?> then,
        Action<Exception>? failed)
    {
        ArgumentNullException.ThrowIfNull(then);
        var task = new NativeTask(this, then, failed);
        Take(task);
        task.Begin(work);
        return task;
    }

    public sealed override FilterWork Call(string cluster, FilterRequest request, Action<FilterResponse> then)
    {
        ArgumentNullException.ThrowIfNull(then);
        if (!Clusters.TryGetValue(cluster, out var to)) throw new ArgumentException($"there is no cluster '{cluster}'", nameof(cluster));
        var call = new NativeHttpCall(this, then);
        call.Write(request, cluster);
        Take(call);
        call.Begin(to, request.Timeout);
        return call;
    }

    /// <summary>Runs an action of the plug-in's that belongs to no hook.</summary>
    public void Run(Action action)
    {
        if (IsOver) return;
        var call = new NativeTiming(plugin, worker);
        object? within = worker.Loop.Within;
        worker.Loop.Within = Subject; // for the watchdog
        try
        {
            action();
            call.Done();
        }
        catch (Exception e)
        {
            Fail(e);
        }
        finally
        {
            worker.Loop.Within = within;
        }
    }

    /// <summary>Something of it is done.</summary>
    public void Forget(NativeWork work) => _work.Remove(work);

    /// <summary>Nothing more of the plug-in runs here; what is under way is given up.</summary>
    public void End()
    {
        IsOver = true;
        while (_work.Count > 0)
        {
            var work = _work[^1];
            _work.RemoveAt(_work.Count - 1);
            work.GiveUp();
        }
    }

    /// <summary>The plug-in threw: counted, and its stream or connection is failed or goes on without it.</summary>
    public void Fail(Exception exception)
    {
        if (IsOver) return;
        plugin.OnFailure(worker, exception);
        End();
        worker.Stats.Increment(plugin.FailsOpen ? plugin.Stats.FailedOpen : plugin.Stats.FailedClosed);
        OnFailed();
    }

    /// <summary>For logs and the watchdog: the plug-in and whom it serves.</summary>
    public abstract string Subject { get; }
    protected abstract IReadOnlyDictionary<string, Cluster> Clusters { get; }
    protected virtual bool MayHaveWork => true;
    /// <summary>By the plug-in's failure policy.</summary>
    protected abstract void OnFailed();

    private void Take(NativeWork work)
    {
        if (!MayHaveWork) throw new InvalidOperationException("a listener filter answers at once, or when more bytes have come");
        if (IsOver) throw new InvalidOperationException("the stream or connection is over");
        if (_work.Count >= MaxWork) throw new InvalidOperationException($"{MaxWork} timers, calls and tasks are under way already");
        _work.Add(work);
    }
}
