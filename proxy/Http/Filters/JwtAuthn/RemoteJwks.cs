using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Calls;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams.Formatting;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Http.Filters.JwtAuthn;

/// <summary>
/// Keys that are fetched over the proxy's own connections. Each worker fetches for its own requests, of which all wait for one fetch; what
/// one gets all have. A key set is read on a thread beside the workers. Versions that name the same source share its keys.
/// </summary>
internal sealed class RemoteJwks : SharedResource
{
    // After a failure nobody asks again for so long: otherwise each bad token would be a request to a server that is in need already.
    private const long FailureMicros = 1_000_000;
    // So long before the keys are too old they are fetched again, unasked, as in Envoy.
    private const long AheadMicros = 5_000_000;

    private sealed record State(Jwks Keys, long ExpiresMicros);

    /// <summary>What a worker does.</summary>
    private sealed class Own
    {
        public Own(RemoteJwks source, WorkerContext worker)
        {
            (Source, Worker) = (source, worker);
            Again = new WheelTimer(static o => ((Own)o!).Source.Ask((Own)o), this);
            Refresh = new WheelTimer(static o => ((Own)o!).Source.Begin((Own)o), this);
        }

        public readonly RemoteJwks Source;
        public readonly WorkerContext Worker;
        public readonly HashSet<JwtAuthnFilter> Waiting = [];
        public readonly WheelTimer Again, Refresh;
        public HttpCall? Call;
        public bool Fetching, Unasked, Released;
        public int Attempt;
    }

    private readonly RemoteJwksConfig _config;
    private readonly JwtStats _stats;
    private readonly Own?[] _workers = new Own?[WorkerContext.MaxWorkers];
    private readonly byte[] _scheme, _authority, _path;
    private volatile State? _state;
    private long _failedUntil;

    private RemoteJwks(RemoteJwksConfig config, Uri uri, JwtStats stats)
    {
        (_config, _stats) = (config, stats);
        _scheme = Encoding.ASCII.GetBytes(uri.Scheme);
        _authority = Encoding.ASCII.GetBytes(uri.Authority);
        _path = Encoding.ASCII.GetBytes(uri.PathAndQuery);
    }

    /// <summary>Null when errors were added.</summary>
    public static RemoteJwks? Build(RemoteJwksConfig config, JwtStats stats, FilterBuildContext context)
    {
        if (config.HttpUri is not { } http) return null;
        var errors = context.Errors;
        if (!System.Uri.TryCreate(http.Uri, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https")
            || !HeaderValue.IsAuthority(Encoding.UTF8.GetBytes(uri.Authority)))
        {
            errors.ErrorAt(http.Node, "uri", ConfigCode.InvalidValue, $"'{http.Uri}' is no URL of http or https");
            return null;
        }
        if (http.Cluster is not { Length: > 0 } cluster)
        {
            errors.ErrorAt(http.Node, "cluster", ConfigCode.MissingField, "'cluster' is missing");
            return null;
        }
        if (!context.ClusterNames.Contains(cluster))
        {
            errors.ErrorAt(http.Node, "cluster", ConfigCode.UnknownReference, $"cluster '{cluster}' does not exist",
                Suggestions.Hint(cluster, context.ClusterNames));
            return null;
        }
        string key = $"jwks|{stats.Prefix}|{Encoding.UTF8.GetString(config.Node?.ToJson() ?? [])}";
        return context.Shared.Lease(key, () => new RemoteJwks(config, uri, stats));
    }

    /// <summary>
    /// The keys; null with <see cref="JwtStatus.Waits"/> when they have to be fetched, or with the reason why there are none.
    /// </summary>
    public Jwks? Keys(JwtAuthnFilter run, out JwtStatus status)
    {
        status = JwtStatus.FetchFails;
        var state = _state;
        long now = run.Stream.Worker.NowMicros;
        // Who has waited already takes what came, however short it may be kept.
        if (state is not null && (now < state.ExpiresMicros || run.HasWaited(this))) return state.Keys;
        if (run.HasWaited(this) || now < Volatile.Read(ref _failedUntil)) return null;
        run.WaitsFor = this;
        status = JwtStatus.Waits;
        return null;
    }

    /// <summary>The filter is told when a fetch has ended.</summary>
    public void Wait(JwtAuthnFilter filter, WorkerContext worker)
    {
        var own = Of(worker);
        own.Waiting.Add(filter);
        Begin(own);
    }

    public void Leave(JwtAuthnFilter filter, WorkerContext worker) => Of(worker).Waiting.Remove(filter);

    protected internal override void Install(WorkerContext worker)
    {
        if (_config.AsyncFetch is null || worker.Id != 0) return;
        var own = Of(worker);
        if (own.Unasked) return;
        worker.WhenPublished(() =>
        {
            own.Unasked = true;
            Begin(own);
        });
    }

    protected internal override void Release(IReadOnlyList<WorkerContext> workers)
    {
        foreach (var worker in workers)
            worker.Post(static s =>
            {
                var (source, on) = ((RemoteJwks, WorkerContext))s!;
                if (source._workers[on.Id] is not { } own) return;
                own.Released = true;
                own.Call?.Cancel();
                on.Timers.Remove(own.Again);
                on.Timers.Remove(own.Refresh);
            }, (this, worker));
    }

    private Own Of(WorkerContext worker) => _workers[worker.Id] ??= new Own(this, worker);

    private void Begin(Own own)
    {
        if (own.Fetching || own.Released) return;
        own.Fetching = true;
        own.Attempt = 0;
        Ask(own);
    }

    private void Ask(Own own)
    {
        var call = own.Call = new HttpCall(own.Worker, static c => ((Own)c.Tag!).Source.OnAnswer((Own)c.Tag)) { Tag = own };
        call.Request.Add(HeaderId.Method, "GET"u8);
        call.Request.Add(HeaderId.Scheme, _scheme);
        call.Request.Add(HeaderId.Authority, _authority);
        call.Request.Add(HeaderId.Path, _path);
        var http = _config.HttpUri!;
        if (CurrentGeneration.Of(own.Worker).Value?.Clusters.GetValueOrDefault(http.Cluster!) is { } cluster)
            call.Start(cluster, http.Timeout.Ticks / TimeSpan.TicksPerMicrosecond);
        else call.Fail("the cluster is gone");
    }

    private void OnAnswer(Own own)
    {
        var call = own.Call!;
        own.Call = null;
        if (call.Failed || !call.Response.Get(HeaderId.Status).SequenceEqual("200"u8)) { OnFailure(own); return; }
        // Making keys may take milliseconds: not on a worker.
        byte[] text = call.ResponseBody.Written.ToArray();
        Chores.Add(() => Read(own, text));
    }

    private static void Read(Own own, byte[] text)
    {
        Jwks? keys = null;
        try
        {
            keys = Jwks.Read(text, out _);
        }
        catch (Exception e)
        {
            own.Worker.Reports.OnCrash(e);
        }
        own.Worker.Post(static r => { var (to, read) = ((Own, Jwks?))r!; to.Source.OnRead(to, read); }, (own, keys));
    }

    private void OnRead(Own own, Jwks? keys)
    {
        if (own.Released) return;
        if (keys is null) { End(own, success: false); return; }
        long now = own.Worker.NowMicros, kept = Micros(_config.CacheDuration);
        // With someone who fetches them in time, keys that could not be fetched are no reason to refuse everybody.
        _state = new State(keys, _config.AsyncFetch is null ? now + kept : long.MaxValue);
        End(own, success: true);
    }

    private void OnFailure(Own own)
    {
        if (own.Released) return;
        if (_config.RetryPolicy is not { } policy || own.Attempt >= policy.NumRetries) { End(own, success: false); return; }
        long first = Micros(policy.RetryBackOff.BaseInterval);
        long most = policy.RetryBackOff.MaxInterval is { } max ? Micros(max) : first * 10;
        long wait = Math.Min(most, first << Math.Min(own.Attempt, 20));
        own.Attempt++;
        own.Worker.Timers.Arm(own.Again, 1 + (long)(own.Worker.NextRandom() % (ulong)Math.Max(1, wait)));
    }

    private void End(Own own, bool success)
    {
        own.Fetching = false;
        own.Worker.Stats.Increment(success ? _stats.FetchSuccess : _stats.FetchFailed);
        Volatile.Write(ref _failedUntil, success ? 0 : own.Worker.NowMicros + FailureMicros);
        if (own.Unasked)
        {
            long kept = Micros(_config.CacheDuration);
            own.Worker.Timers.Arm(own.Refresh,
                !success ? Micros(_config.AsyncFetch!.FailedRefetchDuration) : kept > AheadMicros ? kept - AheadMicros : kept);
        }
        var waiting = own.Waiting.ToArray();
        own.Waiting.Clear();
        foreach (var filter in waiting) filter.OnKeys(this);
    }

    private static long Micros(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;
}
