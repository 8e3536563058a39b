using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using Managed.Filters;

namespace Managed.NativePlugins;

public enum Deed { None, ThrowOnStart, HangOnStart, RefuseInner, NullFilter, ThrowInCreate, Thread }

public sealed record InnerConfiguration : FilterConfiguration
{
    [Range(1, 10)]
    public int Depth { get; init; } = 1;
}

public sealed record NaughtyConfiguration : FilterConfiguration
{
    [Description("What it does when it starts.")]
    public Deed Deed { get; init; }

    public InnerConfiguration Inner { get; init; } = new();

    public IReadOnlyList<string> Words { get; init; } = [];

    [OneOf("way")]
    public string? Left { get; init; }

    [OneOf("way")]
    public string? Right { get; init; }
}

/// <summary>Does on a stream what the request's field <c>x-deed</c> says.</summary>
public sealed class NaughtyPlugin : HttpFilterPlugin<NaughtyConfiguration>
{
    private readonly ManualResetEventSlim _stop = new();

    protected override void OnStart()
    {
        switch (Configuration.Deed)
        {
            case Deed.ThrowOnStart: throw new InvalidOperationException("not today");
            case Deed.HangOnStart: _stop.Wait(TimeSpan.FromSeconds(30)); break;
            case Deed.RefuseInner: Context.Refuse("inner.depth", "too deep for this plug-in"); break;
            case Deed.Thread: new Thread(() => _stop.Wait()) { IsBackground = true }.Start(); break;
        }
    }

    // A thread that it forgets goes on; one that waits for this ends.
    protected override void OnStop()
    {
        if (Configuration.Left is null) _stop.Set();
    }

    protected override HttpFilter CreateFilter() => Configuration.Deed switch
    {
        Deed.NullFilter => null!,
        Deed.ThrowInCreate => throw new InvalidOperationException("no filter"),
        _ => new Naughty(),
    };
}

public sealed record StatusConfiguration : FilterConfiguration
{
    public int Status { get; init; } = 299;
}

/// <summary>Answers with a status, or with that of the route's own configuration.</summary>
public sealed class StatusPlugin : HttpFilterPlugin<StatusConfiguration>
{
    protected override HttpFilter CreateFilter() => new StatusFilter(this);

    private sealed class StatusFilter(StatusPlugin plugin) : HttpFilter
    {
        protected override HeadersStatus OnRequestHeaders(Headers headers, bool endStream)
        {
            int status = Stream.RouteConfiguration is StatusConfiguration own ? own.Status : plugin.Configuration.Status;
            Stream.SendLocalReply(status, "by status"u8, "status_plugin");
            return HeadersStatus.StopIteration;
        }
    }
}

internal sealed class Naughty : HttpFilter
{
    private static List<byte[]>? s_kept;

    protected override HeadersStatus OnRequestHeaders(Headers headers, bool endStream)
    {
        switch (headers.Get("x-deed"))
        {
            case "throw": throw new NaughtyException();
            case "spin":
                for (long began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began).TotalMilliseconds < 80;)
                {
                }
                break;
            case "allocate":
                s_kept = [];
                for (int i = 0; i < 5; i++) s_kept.Add(new byte[1 << 20]);
                s_kept = null;
                break;
            case "out-of-memory": throw new OutOfMemoryException();
            case "frame": headers.Set("content-length", "3"); break;
            case "split": headers.Set("x-a", "b\r\nx-c: d"); break;
            case "name": headers.Set("x a", "b"); break;
            case "no-method": headers.Remove(":method"); break;
            case "after":
                After(TimeSpan.FromMilliseconds(1), ContinueRequest);
                return HeadersStatus.StopIteration;
            case "after-throw":
                After(TimeSpan.FromMilliseconds(1), () => throw new NaughtyException());
                return HeadersStatus.StopIteration;
            case "elsewhere":
                RunElsewhere(async stop =>
                {
                    await Task.Yield();
                    return Environment.CurrentManagedThreadId;
                }, other =>
                {
                    Stream.RequestHeaders.Set("x", other == Environment.CurrentManagedThreadId ? "same" : "back");
                    ContinueRequest();
                });
                return HeadersStatus.StopIteration;
            case "elsewhere-throw":
                RunElsewhere<int>(_ => throw new NaughtyException(), _ => ContinueRequest(), e =>
                {
                    Stream.RequestHeaders.Set("x", e.GetType().Name);
                    ContinueRequest();
                });
                return HeadersStatus.StopIteration;
            case "call":
                Call("a", new FilterRequest { Path = "/ask", Timeout = TimeSpan.FromSeconds(5) }, answer =>
                {
                    Stream.RequestHeaders.Set("x", $"{answer.Status} {answer.Failed}");
                    ContinueRequest();
                });
                return HeadersStatus.StopIteration;
            case "call-nobody": Call("nobody", new FilterRequest(), _ => { }); break;
            case "work":
                for (int i = 0; i < 101; i++) After(TimeSpan.FromHours(1), () => { });
                break;
            case "metadata":
                Stream.SetMetadata("naughty", "deed", new Version(1, 2));
                headers.Set("x", Stream.Metadata("naughty", "deed") is string ? "a text" : "an object");
                break;
        }
        return HeadersStatus.Continue;
    }

    protected override HeadersStatus OnResponseHeaders(Headers headers, bool endStream)
    {
        if (Stream.RequestHeaders.Get("x-deed") == "throw-response") throw new NaughtyException();
        return HeadersStatus.Continue;
    }

    protected override void OnComplete()
    {
        if (Stream.RequestHeaders.Get("x-deed") == "throw-complete") throw new NaughtyException();
    }
}

/// <summary>Of a type that lives in the plug-in's assembly; its text throws as well.</summary>
public sealed class NaughtyException : Exception
{
    public override string Message => throw new InvalidOperationException();
}

/// <summary>A network filter that throws at the byte <c>!</c>.</summary>
public sealed class TouchyPlugin : NetworkFilterPlugin<NoConfiguration>
{
    protected override NetworkFilter CreateFilter() => new Touchy();

    private sealed class Touchy : NetworkFilter
    {
        protected override NetworkStatus OnData(FilterBuffer data, bool end)
            => data.Written.Contains((byte)'!') ? throw new NaughtyException() : NetworkStatus.Continue;
    }
}

/// <summary>A listener filter that throws at the byte <c>!</c>.</summary>
public sealed class TouchyListenerPlugin : ListenerFilterPlugin<NoConfiguration>
{
    protected override ListenerFilter CreateFilter() => new Touchy();

    private sealed class Touchy : ListenerFilter
    {
        protected override int MaxBytes => 1;

        protected override ListenerFilterStatus OnBytes(ReadOnlySpan<byte> bytes, IncomingConnection connection)
            => bytes.IsEmpty ? ListenerFilterStatus.NeedMore : bytes[0] == '!' ? throw new NaughtyException() : ListenerFilterStatus.Done;
    }
}
