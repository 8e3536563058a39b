using System.Globalization;
using System.Text;
using Managed.Filters;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Calls;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Http.Filters.Native.Plugins;

/// <summary>Something under way for a plug-in's filter. On its worker.</summary>
internal abstract class NativeWork(NativeHost host) : FilterWork
{
    protected NativeHost Host => host;
    protected bool IsDone { get; private set; }

    /// <summary>Stops it; its filter hears no more of it.</summary>
    public void GiveUp()
    {
        if (IsDone) return;
        IsDone = true;
        Stop();
    }

    public sealed override void Cancel()
    {
        host.Forget(this);
        GiveUp();
    }

    protected abstract void Stop();

    /// <summary>It has come to its end.</summary>
    protected void Finish(Action then)
    {
        if (IsDone) return;
        IsDone = true;
        host.Forget(this);
        host.Run(then);
    }
}

internal sealed class NativeTimer : NativeWork
{
    private readonly WheelTimer _timer;
    private readonly Action _action;

    public NativeTimer(NativeHost host, Action action) : base(host)
    {
        _action = action;
        _timer = new WheelTimer(static s => ((NativeTimer)s!).OnTime(), this);
    }

    public void Arm(TimeSpan delay) => Host.Worker.Timers.Arm(_timer, (long)Math.Clamp(delay.TotalMicroseconds, 0, long.MaxValue / 8));

    protected override void Stop() => Host.Worker.Timers.Remove(_timer);

    private void OnTime() => Finish(_action);
}

internal sealed class NativeTask(NativeHost host, Action<object?> then, Action<Exception>? failed) : NativeWork(host)
{
    private readonly CancellationTokenSource _stop = new();

    public void Begin(Func<CancellationToken, Task<object?>> work) => _ = RunAsync(work);

    // Its callbacks are the plug-in's, and not for this thread.
    protected override void Stop() => _ = _stop.CancelAsync();

    private async Task RunAsync(Func<CancellationToken, Task<object?>> work)
    {
        object? result = null;
        Exception? failure = null;
        try
        {
            result = await Task.Run(() => work(_stop.Token)).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            failure = e;
        }
        Host.Worker.Post(static s =>
        {
            var (task, result, failure) = ((NativeTask, object?, Exception?))s!;
            task.Answer(result, failure);
        }, (this, result, failure));
    }

    private void Answer(object? result, Exception? failure)
    {
        if (failure is null) Finish(() => then(result));
        else if (failed is not null) Finish(() => failed(failure));
        else Finish(() => throw failure);
    }
}

internal sealed class NativeHttpCall : NativeWork
{
    private readonly HttpCall _call;
    private readonly Action<FilterResponse> _then;

    public NativeHttpCall(NativeHost host, Action<FilterResponse> then) : base(host)
    {
        _then = then;
        _call = new HttpCall(host.Worker, OnAnswer);
    }

    /// <exception cref="ArgumentException">A field is none.</exception>
    public void Write(FilterRequest request, string cluster)
    {
        var to = _call.Request;
        Set(to, ":method", request.Method);
        Set(to, ":scheme", "http");
        Set(to, ":authority", request.Authority.Length > 0 ? request.Authority : cluster);
        Set(to, ":path", request.Path);
        foreach (var (name, value) in request.Headers) Set(to, name, value);
        _call.RequestBody.Write(request.Body.Span);
    }

    public void Begin(Cluster cluster, TimeSpan timeout) => _call.Start(cluster, Math.Max(1, (long)timeout.TotalMicroseconds));

    protected override void Stop() => _call.Cancel();

    private static void Set(HeaderMap to, string name, string value)
    {
        byte[] lower = Encoding.Latin1.GetBytes(name.ToLowerInvariant()), bytes = Encoding.Latin1.GetBytes(value);
        if (NativeHeaders.Refusal(lower, bytes, isRequest: true, areTrailers: false) is { } reason)
            throw new ArgumentException($"field '{name}': {reason}");
        to.Add(lower, bytes);
    }

    private void OnAnswer(HttpCall call)
    {
        var headers = new List<KeyValuePair<string, string>>();
        int cursor = 0;
        while (call.Response.Next(ref cursor, out ReadOnlySpan<byte> name, out var value))
            if (name[0] != ':') headers.Add(new(Encoding.Latin1.GetString(name), Encoding.Latin1.GetString(value)));
        _ = int.TryParse(call.Response.Get(HeaderId.Status), NumberStyles.None, CultureInfo.InvariantCulture, out int status);
        var response = new FilterResponse(status, call.Failed, headers, call.ResponseBody.Written.ToArray());
        Finish(() => _then(response));
    }
}
