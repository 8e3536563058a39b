using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Http.Filters.Wasm.Code;

/// <summary>
/// Code behind a URL, of one data plane: fetched once, checked against its digest, kept on disk. While its module is in use nothing is
/// read or fetched for it. Code that the disk does not take stays in memory, so much of it as one module may be large.
/// </summary>
internal sealed class RemoteCode
{
    /// <summary>Digests that are remembered, with or without success.</summary>
    private const int MostKnown = 1000;

    private static readonly ConditionalWeakTable<StatsRegistry, RemoteCode> Planes = [];

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Fetch> _fetches = new(StringComparer.Ordinal);
    // What came, in its order: with the bytes when they are nowhere else.
    private readonly OrderedDictionary<string, byte[]?> _arrived = new(StringComparer.Ordinal);
    private long _hits, _misses, _negativeHits, _successes, _failures;

    /// <summary>That of the data plane that these statistics stand for.</summary>
    public static RemoteCode Of(StatsRegistry stats) => Planes.GetValue(stats, static s => new RemoteCode(s));

    private RemoteCode(StatsRegistry stats)
    {
        // Envoy's names.
        stats.Observe("wasm.remote_load_cache_entries", () => { lock (_gate) return _arrived.Count; });
        stats.Observe("wasm.remote_load_cache_hits", () => Interlocked.Read(ref _hits));
        stats.Observe("wasm.remote_load_cache_misses", () => Interlocked.Read(ref _misses));
        stats.Observe("wasm.remote_load_cache_negative_hits", () => Interlocked.Read(ref _negativeHits));
        stats.Observe("wasm.remote_load_fetch_successes", () => Interlocked.Read(ref _successes));
        stats.Observe("wasm.remote_load_fetch_failures", () => Interlocked.Read(ref _failures));
    }

    /// <summary>
    /// The code, or null with an error collected. Waits for it unless <paramref name="refuseWhenMissing"/>, here or where the build is told
    /// to leave waiting to. Control thread.
    /// </summary>
    public WasmCode? Find(RemoteCodeConfig remote, bool refuseWhenMissing, ConfigErrors errors, GuestEnvironment guests,
        IReadOnlyDictionary<string, Cluster> clusters)
    {
        if (FetchPlan.Make(remote, clusters, guests, errors) is not { } plan) return null;
        // What this build, or the one that it repeats for other places of the same document, was told already.
        string asked = $"{plan.Digest} {plan.Target}";
        if (errors.Host.Answers.TryGetValue(asked, out object? answer))
        {
            if (answer is WasmCode found) return found with { At = plan.At };
            errors.Absent(plan.At, ConfigCode.CompileFailed, (string)answer);
            return null;
        }
        if (Here(plan, guests) is { } here)
        {
            Interlocked.Increment(ref _hits);
            errors.Host.Answers[asked] = here;
            return here;
        }
        if (errors.Host.StaysOffline)
        {
            errors.Warning(plan.At, ConfigCode.CompileFailed,
                $"code {plan.Sha256[..12]} is not here and was not fetched: whether it compiles is not known");
            return null;
        }
        if (!plan.MayFetch(guests, !refuseWhenMissing, errors)) return null;
        if (errors.Host.MakesDo)
        {
            string lack = $"code {plan.Sha256[..12]} is not here{(FailureOf(plan) is { } failed ? $": {plan.Where}: {failed}" : "")}";
            errors.Host.Lack(lack);
            errors.Warning(plan.At, ConfigCode.CompileFailed, lack);
            return null;
        }
        while (true)
        {
            var fetch = Join(plan, refuseWhenMissing, errors, guests, out string? why);
            if (fetch is null)
            {
                errors.Host.Answers[asked] = why!;
                errors.Absent(plan.At, ConfigCode.CompileFailed, why!);
                return null;
            }
            if (errors.Host.DefersWaiting && !fetch.Outcome.IsCompleted)
            {
                errors.Host.Defer(fetch.Outcome, () => Leave(fetch));
                return null;
            }
            var (code, reason) = fetch.Outcome.GetAwaiter().GetResult();
            Leave(fetch);
            if (code is not null) return new WasmCode(code, plan.Title, plan.At);
            if (fetch.Target != plan.Target) continue; // somebody else's way to the same code
            errors.Host.Answers[asked] = $"code could not be fetched from {plan.Where}: {reason}";
            errors.Absent(plan.At, ConfigCode.CompileFailed, (string)errors.Host.Answers[asked]);
            return null;
        }
    }

    private string? FailureOf(FetchPlan plan)
    {
        lock (_gate) return _fetches.TryGetValue(plan.Digest, out var fetch) ? fetch.Failed : null;
    }

    private WasmCode? Here(FetchPlan plan, GuestEnvironment guests)
    {
        byte[]? bytes;
        bool arrived;
        lock (_gate) arrived = _arrived.TryGetValue(plan.Digest, out bytes);
        // In use by a stored module of the same content it is not on disk, and has to be for the next start.
        bool durable = guests.CacheFolder is not { } folder || CacheFolder.Touch(folder, FileOf(plan));
        var inUse = arrived || durable ? WasmModule.Find(plan.Digest) : null;
        if (inUse is not null) bytes ??= [];
        if (bytes is null && durable && guests.CacheFolder is { } disk && CacheFolder.Read(disk, FileOf(plan)) is { } kept
            && WasmModule.DigestOf(kept) == plan.Digest) bytes = kept;
        if (bytes is null) return null;
        if (!arrived) Remember(plan.Digest, null);
        return new WasmCode(bytes, plan.Title, plan.At) { Compiled = inUse };
    }

    /// <summary>The fetch to wait for, begun here when there is none; null with the reason when this build is not to wait.</summary>
    private Fetch? Join(FetchPlan plan, bool refuseWhenMissing, ConfigErrors build, GuestEnvironment guests, out string? why)
    {
        why = null;
        lock (_gate)
        {
            _fetches.TryGetValue(plan.Digest, out var fetch);
            string before = "";
            if (fetch is { Failed: { } reason } && fetch.Target == plan.Target)
            {
                // A document that names the code twice asks once.
                if (fetch.BegunBy(build.Host)) return Entered(fetch);
                var wait = plan.LongestPause - Stopwatch.GetElapsedTime(fetch.Ended);
                if (refuseWhenMissing && wait > TimeSpan.Zero)
                {
                    Interlocked.Increment(ref _negativeHits);
                    why = string.Create(CultureInfo.InvariantCulture,
                        $"code could not be fetched from {plan.Where}: {reason}; it is not asked again for "
                            + $"{Math.Ceiling(wait.TotalSeconds)} s");
                    return null;
                }
                before = $"; the last attempt failed: {reason}";
            }
            Interlocked.Increment(ref _misses);
            if (fetch is null or { Failed: not null } or { Abandoned: true })
                _fetches[plan.Digest] = fetch = Begin(plan, build.Host, guests);
            Entered(fetch); // where nobody waits for it, nobody leaves it
            if (!refuseWhenMissing) return fetch;
            why = $"code {plan.Sha256[..12]} is not here yet and is being fetched from {plan.Where}: try again when it has arrived{before}";
            return null;
        }
    }

    private static Fetch Entered(Fetch fetch)
    {
        fetch.Waiting++;
        return fetch;
    }

    // What nobody waits for any more takes no time and no connection of anybody.
    private void Leave(Fetch fetch)
    {
        lock (_gate)
            if (--fetch.Waiting == 0 && !fetch.Outcome.IsCompleted)
            {
                fetch.Abandoned = true;
                fetch.Cancellation.Cancel();
            }
    }

    private Fetch Begin(FetchPlan plan, HostAccess build, GuestEnvironment guests)
    {
        if (_fetches.Count >= MostKnown)
            foreach (var old in _fetches.Where(f => f.Value.Failed is not null).OrderBy(f => f.Value.Ended).Take(MostKnown / 2).ToList())
                _fetches.Remove(old.Key);
        var fetch = new Fetch(plan.Target, build);
        fetch.Outcome = RunAsync(fetch, plan, guests);
        return fetch;
    }

    private async Task<(byte[]? Code, string Reason)> RunAsync(Fetch fetch, FetchPlan plan, GuestEnvironment guests)
    {
        await Task.Yield(); // its caller holds the gate
        var (code, reason) = await CodeFetch.RunAsync(plan, fetch.Cancellation.Token);
        if (code is null)
        {
            Interlocked.Increment(ref _failures);
            Log.NotFetched(guests.Logger, plan.Where, reason);
            lock (_gate)
            {
                fetch.Ended = Stopwatch.GetTimestamp();
                fetch.Failed = reason;
                // Its failure says nothing about the server.
                if (fetch.Abandoned && _fetches.TryGetValue(plan.Digest, out var current) && current == fetch) _fetches.Remove(plan.Digest);
            }
            return (null, reason);
        }
        Interlocked.Increment(ref _successes);
        Log.Fetched(guests.Logger, plan.Digest, plan.Where, code.Length);
        bool onDisk = guests.CacheFolder is { } folder && CacheFolder.Write(folder, FileOf(plan), [], code);
        lock (_gate)
        {
            Remember(plan.Digest, onDisk ? null : code);
            if (_fetches.TryGetValue(plan.Digest, out var current) && current == fetch) _fetches.Remove(plan.Digest);
        }
        return (code, "");
    }

    private void Remember(string digest, byte[]? bytes)
    {
        lock (_gate)
        {
            _arrived.Remove(digest);
            _arrived.Add(digest, bytes);
            while (_arrived.Count > MostKnown) _arrived.RemoveAt(0);
            long held = _arrived.Values.Sum(b => (long)(b?.Length ?? 0));
            for (int i = 0; held > WasmModule.MaxCodeBytes; i++)
            {
                held -= _arrived.GetAt(i).Value?.Length ?? 0;
                _arrived.SetAt(i, null);
            }
        }
    }

    private static string FileOf(FetchPlan plan) => plan.Sha256 + ".wasm";

    /// <summary>Under way, or failed; one that succeeded is forgotten.</summary>
    private sealed class Fetch(string target, HostAccess build)
    {
        private readonly WeakReference<HostAccess> _build = new(build); // a failure is remembered longer than the document

        public string Target => target;
        public Task<(byte[]? Code, string Reason)> Outcome { get; set; } = null!;
        /// <summary>Why it failed, and when; under the gate.</summary>
        public string? Failed { get; set; }
        public long Ended { get; set; }
        /// <summary>How many builds wait for it; under the gate.</summary>
        public int Waiting { get; set; }
        public bool Abandoned { get; set; }
        public CancellationTokenSource Cancellation { get; } = new();

        public bool BegunBy(HostAccess build) => _build.TryGetTarget(out var first) && ReferenceEquals(first, build);
    }
}
