using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Calls;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.ExtAuthz;

/// <summary>
/// Holds a request until a service has decided about it. Nothing of it goes on meanwhile; whatever becomes of the service, there is a
/// decision within the time-out.
/// </summary>
internal sealed class ExtAuthzFilter(AuthzSettings settings) : HttpFilter
{
    public const string Namespace = "envoy.filters.http.ext_authz";

    private readonly ByteWriter _scratch = new(0);
    private AuthzRoute _route = AuthzRoute.None;
    private AuthzBuffer? _buffer;
    private HttpCall? _call;
    private Decision? _decision;
    private long _began;
    private bool _buffering;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        var worker = Stream.Worker;
        if (settings.EnabledPerMillion < 1_000_000 && worker.NextRandom() % 1_000_000 >= (ulong)settings.EnabledPerMillion)
        {
            worker.Stats.Increment(settings.Disabled);
            if (settings.DeniesDisabled) return Refuse();
            Stream.SkipRest(this, response: false);
            return HeadersStatus.Continue;
        }
        _route = MergeRoute();
        _buffer = _route.NoBody ? null : _route.Buffer ?? settings.Buffer;
        if (endStream || headers.Has(HeaderId.Upgrade) || headers.Get(HeaderId.Method).SequenceEqual("CONNECT"u8)) _buffer = null;
        if (_buffer is not null)
        {
            _buffering = true;
            Stream.RaiseRequestLimit(_buffer.Max + 1L);
            return HeadersStatus.StopIteration;
        }
        Ask(default, isPartial: false);
        return HeadersStatus.StopAllIterationAndWatermark;
    }

    public override BodyStatus OnRequestBody(ByteWriter body, bool endStream)
    {
        if (!_buffering) return _call is null ? BodyStatus.Continue : BodyStatus.StopIterationAndWatermark;
        var held = Stream.BufferedRequestBody(this);
        long size = (held?.Length ?? 0) + (long)body.Length;
        bool over = size > _buffer!.Max;
        if (over && !_buffer.AllowPartial)
        {
            _buffering = false;
            Stream.SendLocalReply(413, "Payload Too Large"u8, "request_payload_too_large");
            return BodyStatus.StopIterationNoBuffer;
        }
        if (!endStream && size < _buffer.Max) return BodyStatus.StopIterationAndBuffer;
        _scratch.Clear();
        if (held is not null) _scratch.Write(held.Written);
        _scratch.Write(body.Written);
        _scratch.Truncate(_buffer.Max);
        Ask(_scratch.Written, over || !endStream);
        return BodyStatus.StopIterationAndWatermark;
    }

    public override TrailersStatus OnRequestTrailers(HeaderMap trailers)
    {
        if (_buffering)
        {
            var held = Stream.BufferedRequestBody(this);
            _scratch.Clear();
            if (held is not null) _scratch.Write(held.Written);
            Ask(_scratch.Written, isPartial: false);
        }
        return _call is null ? TrailersStatus.Continue : TrailersStatus.StopIteration;
    }

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        if (_decision is { Kind: DecisionKind.Ok, Response.Count: > 0 } decision)
            DecisionChanges.Apply(decision.Response, headers, _scratch);
        return HeadersStatus.Continue;
    }

    public override void OnDestroy()
    {
        _call?.Cancel();
        _call = null;
        _decision = null;
        _buffer = null;
        _route = AuthzRoute.None;
        _buffering = false;
        _began = 0;
        _scratch.Release(keep: 4096);
    }

    // The most specific level says how, all of them what the service is told.
    private AuthzRoute MergeRoute()
    {
        if (Stream.Route is not { HasFilterConfigs: true } route) return AuthzRoute.None;
        var levels = route.FilterConfigs(Stream.NameOf(this));
        AuthzRoute? merged = null;
        foreach (object level in levels)
        {
            if (level is not AuthzRoute says) continue;
            if (merged is null) { merged = says; continue; }
            var all = new Dictionary<string, string>(says.Extensions);
            foreach (var (name, value) in merged.Extensions) all[name] = value;
            merged = merged with { Extensions = all };
        }
        return merged ?? AuthzRoute.None;
    }

    private void Ask(ReadOnlySpan<byte> body, bool isPartial)
    {
        _buffering = false;
        var worker = Stream.Worker;
        _began = worker.NowMicros;
        var call = _call = new HttpCall(worker, static c => ((ExtAuthzFilter)c.Tag!).OnAnswer(c))
        {
            Tag = this, NeedsHttp2 = settings.IsGrpc,
        };
        if (settings.IsGrpc)
        {
            GrpcUnary.Begin(call, settings.Authority, AuthzSettings.Path, settings.TimeoutMicros, worker);
            settings.Additions.Apply(call.Request, Stream.Info, worker.Scratch);
            CheckRequest.Write(call.RequestBody, Stream, settings, _route, _buffer, body, isPartial);
            GrpcUnary.End(call);
        }
        else HttpCheck.Write(call, Stream, settings, _buffer, body, isPartial);
        if (Stream.Generation.Clusters.TryGetValue(settings.ClusterName, out var cluster)) call.Start(cluster, settings.TimeoutMicros);
        else call.Fail("the cluster is gone");
    }

    private void OnAnswer(HttpCall call)
    {
        _call = null;
        if (call.TimedOut) Stream.Worker.Stats.Increment(settings.Timeout);
        var decision = _decision = Read(call);
        var stats = Stream.Worker.Stats;
        if (decision.Metadata.Count > 0)
        {
            if (decision.Kind == DecisionKind.Ok)
                decision.Metadata["ext_authz_duration"] = (double)((Stream.Worker.NowMicros - _began) / 1000);
            (Stream.Info.DynamicMetadata ??= [])[Namespace] = decision.Metadata;
        }
        if (decision.HasInvalid && settings.Config.ValidateMutations)
        {
            stats.Increment(settings.Invalid);
            _decision = null;
            Stream.SendLocalReply(500, default, "ext_authz_invalid", ResponseFlags.UnauthorizedExternalService);
            return;
        }
        switch (decision.Kind)
        {
            case DecisionKind.Ok:
                stats.Increment(settings.Ok);
                LetGo(decision);
                break;
            case DecisionKind.Denied:
                stats.Increment(settings.Denied);
                Stream.SendLocalReply(decision.Status, decision.Body, "ext_authz_denied", ResponseFlags.UnauthorizedExternalService,
                    static (response, filter) => ((ExtAuthzFilter)filter!).Decorate(response), this);
                break;
            default:
                stats.Increment(settings.Error);
                if (!settings.Config.FailureModeAllow) { Refuse(); break; }
                stats.Increment(settings.FailureModeAllowed);
                if (settings.Config.FailureModeAllowHeaderAdd)
                    Stream.RequestHeaders.Set("x-envoy-auth-failure-mode-allowed"u8, "true"u8);
                Continue();
                break;
        }
    }

    private Decision Read(HttpCall call)
    {
        if (!settings.IsGrpc) return HttpCheck.Read(call, settings);
        return GrpcUnary.Read(call, out var message) == 0 ? CheckResponse.Read(message, settings.Config.MaxDeniedResponseBodyBytes)
            : new Decision(DecisionKind.Error);
    }

    private void LetGo(Decision decision)
    {
        var headers = Stream.RequestHeaders;
        DecisionChanges.Apply(decision.Request, headers, _scratch);
        foreach (byte[] name in decision.Remove) headers.Remove(name);
        if (decision.QuerySet.Count + decision.QueryRemove.Count > 0) DecisionChanges.ApplyQuery(decision, headers, _scratch);
        if (settings.Config.ClearRouteCache && decision.ChangesRequest) Stream.ClearRouteCache();
        Continue();
    }

    private void Continue()
    {
        Stream.SkipRest(this, response: false);
        ContinueRequest();
    }

    private HeadersStatus Refuse()
    {
        Stream.SendLocalReply(settings.StatusOnError, default, "ext_authz_error", ResponseFlags.UnauthorizedExternalService);
        return HeadersStatus.StopIteration;
    }

    private void Decorate(HeaderMap response)
    {
        if (_decision is { } decision) DecisionChanges.Apply(decision.Response, response, _scratch);
    }
}
