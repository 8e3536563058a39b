using System.Text;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Json;
using Managed.Proxy.Http.Calls;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.CredentialInjector;

/// <summary>
/// An access token that is fetched when a request needs it (RFC 6749 section 4.4) and used until shortly before its end. Each worker has
/// its own; of its requests all wait for one fetch, and after a failure nobody asks again for a while.
/// </summary>
internal sealed class ClientToken(Uri endpoint, string cluster, long timeoutMicros, long retryMicros, string form, string? basic)
{
    private const int MaxToken = 16 * 1024;
    private const long AheadMicros = 5_000_000, LeastMicros = 1_000_000;
    private const double MostSeconds = 10 * 365 * 86400.0;

    private sealed class Own(ClientToken source)
    {
        public readonly ClientToken Source = source;
        public readonly List<CredentialInjectorFilter> Waiting = [];
        public HttpCall? Call;
        public byte[]? Value;
        public long Until, RetryAt;
    }

    private readonly Own?[] _workers = new Own?[WorkerContext.MaxWorkers];

    /// <summary>What goes into the header; null: there is none now.</summary>
    public byte[]? Current(WorkerContext worker)
        => _workers[worker.Id] is { Value: { } value } own && own.Until > worker.NowMicros ? value : null;

    /// <summary>Tells the filter, later, when one is there or could not be had. False: it cannot be asked for now.</summary>
    public bool Wait(CredentialInjectorFilter filter, HttpStream stream)
    {
        var worker = stream.Worker;
        var own = _workers[worker.Id] ??= new Own(this);
        if (own.Call is null)
        {
            if (own.RetryAt > worker.NowMicros || !stream.Generation.Clusters.TryGetValue(cluster, out var to)) return false;
            var call = own.Call = new HttpCall(worker, c => OnAnswer(own, c, worker));
            Write(call);
            call.Start(to, timeoutMicros);
        }
        own.Waiting.Add(filter);
        return true;
    }

    public void Leave(CredentialInjectorFilter filter, WorkerContext worker) => _workers[worker.Id]?.Waiting.Remove(filter);

    private void Write(HttpCall call)
    {
        var request = call.Request;
        request.Add(HeaderId.Method, "POST"u8);
        request.Add(HeaderId.Scheme, Encoding.ASCII.GetBytes(endpoint.Scheme));
        request.Add(HeaderId.Authority, Encoding.ASCII.GetBytes(endpoint.Authority));
        request.Add(HeaderId.Path, Encoding.ASCII.GetBytes(endpoint.PathAndQuery));
        request.Add(HeaderId.ContentType, "application/x-www-form-urlencoded"u8);
        request.Add("accept"u8, "application/json"u8);
        if (basic is not null) request.Add("authorization", basic);
        call.RequestBody.Write(form);
    }

    private void OnAnswer(Own own, HttpCall call, WorkerContext worker)
    {
        own.Call = null;
        if (TryRead(call, out string token, out double seconds))
        {
            own.Value = Encoding.ASCII.GetBytes("Bearer " + token);
            own.Until = worker.NowMicros + Math.Max(LeastMicros, (long)(seconds * 1e6) - AheadMicros);
        }
        else own.RetryAt = worker.NowMicros + retryMicros;
        CredentialInjectorFilter[] waiting = [.. own.Waiting];
        own.Waiting.Clear();
        foreach (var filter in waiting) filter.OnToken();
    }

    private static bool TryRead(HttpCall call, out string token, out double seconds)
    {
        (token, seconds) = ("", 0);
        if (call.Failed || !call.Response.Get(HeaderId.Status).SequenceEqual("200"u8)
            || !JsonTree.TryReadObject(call.ResponseBody.Written, out var answer)
            || answer.GetValueOrDefault("access_token") is not string { Length: > 0 and <= MaxToken } text
            || !text.All(static c => c is > ' ' and < '\x7f')) return false;
        token = text;
        seconds = Math.Min(answer.GetValueOrDefault("expires_in") as double? ?? 0, MostSeconds);
        return seconds > 0;
    }
}
