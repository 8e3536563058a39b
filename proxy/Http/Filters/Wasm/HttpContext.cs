using System.Globalization;
using System.Text;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Filters.Wasm.Plugins;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.Wasm;

/// <summary>
/// The guest's context of one stream. Reused with its filter.
/// <para>A declared content-length and a guest that changes bodies do not go together, and few guests think of it. So where a guest has a
/// body callback, headers with a content-length wait for the first piece of the body; by then it shows whether the length still
/// holds.</para>
/// </summary>
internal sealed class HttpContext(WasmFilter filter) : StreamContext
{
    // Of one direction.
    private struct Direction
    {
        public bool InHook, Paused, PausedInHeaders, SawHeaders, SawTrailers, Ended;
        /// <summary>The headers stay until the first piece of the body has been seen.</summary>
        public bool HeadersWait;
        /// <summary>The headers went on with a content-length, which the body must keep to.</summary>
        public bool LengthSent;
        /// <summary>In the present hook, and ever.</summary>
        public bool BodyChanged, EverChanged;
        /// <summary>The guest said in its hook that the stream is to go on, whatever the hook returns.</summary>
        public bool Resume;
        public ByteWriter? Body; // within a body hook
    }

    private const int MaxGrpcMessage = 4 << 10; // it travels as a field

    private readonly ByteWriter _replyHeaders = new(256);
    private Direction _request, _response;
    private bool _replied, _repliedNow, _failed;
    private Action<string, string, string>? _trace;

    public HttpStream Stream => filter.Stream;
    public override HttpStream Http => filter.Stream;
    public override string FilterName => Stream.NameOf(filter);
    public override StreamInfo Info => Stream.Info;
    public override long Version => Stream.Generation.Version;
    public override IReadOnlyDictionary<string, Upstream.Cluster> Clusters => Stream.Generation.Clusters;
    public override string RequestId => Stream.RequestHeaders.GetString("x-request-id")
        ?? Stream.Info.StreamId.ToString(CultureInfo.InvariantCulture);

    /// <summary>Enters the plugin's VM. False: the guest failed at it.</summary>
    public bool Begin(PluginContext root)
    {
        Enter(root);
        Vm.Hold();
        if (Stream.Trace is { } trace) _trace = TellTo(trace);
        Vm.Trace = _trace;
        bool ok = Vm.Add(this, root.Id);
        Vm.Trace = null;
        return ok;
    }

    public HeadersStatus OnHeaders(bool response, int count, bool end)
    {
        ref var direction = ref Of(response);
        direction.SawHeaders = true;
        direction.Ended = end;
        var exports = Vm.Exports;
        var (callback, old) = response ? (exports.ResponseHeaders, exports.ResponseHeadersOld)
            : (exports.RequestHeaders, exports.RequestHeadersOld);
        Enter(ref direction);
        bool ok = callback.Exists ? Vm.Call(this, callback, count, end ? 1 : 0, 0, out int action)
            : Vm.Call(this, old, count, 0, out action);
        Leave(ref direction);
        if (!ok) OnFailure();
        if (_repliedNow) return HeadersStatus.StopAllIterationAndWatermark;
        if (_failed) return HeadersStatus.Continue;
        bool body = (response ? exports.ResponseBody : exports.RequestBody).Exists,
            trailers = (response ? exports.ResponseTrailers : exports.RequestTrailers).Exists;
        if (!body && !trailers) Stream.SkipRest(filter, response);
        if (action != 0 && !direction.Resume)
        {
            direction.Paused = direction.PausedInHeaders = true;
            // Envoy stops everything here unless the plugin is allowed to stop its headers alone.
            return action == 1 && filter.Plugin.HeadersMayStop ? HeadersStatus.StopIteration : HeadersStatus.StopAllIterationAndWatermark;
        }
        if (end || !body || !Headers(response).Has(HeaderId.ContentLength)) return HeadersStatus.Continue;
        direction.HeadersWait = true;
        return HeadersStatus.StopIteration;
    }

    public BodyStatus OnBody(bool response, ByteWriter piece, bool end)
    {
        ref var direction = ref Of(response);
        direction.Ended |= end;
        var callback = response ? Vm.Exports.ResponseBody : Vm.Exports.RequestBody;
        if (!callback.Exists) return direction.Paused ? BodyStatus.StopIterationAndWatermark : BodyStatus.Continue;
        // While the guest holds the body it sees all of it, not the last piece.
        var body = direction.Body = Stream.JoinBody(filter, response);
        int before = body.Length;
        Enter(ref direction);
        bool ok = Vm.Call(this, callback, body.Length, end ? 1 : 0, 0, out int action);
        Leave(ref direction);
        direction.Body = null;
        if (!ok) OnFailure();
        if (_repliedNow) return BodyStatus.StopIterationNoBuffer;
        if (_failed) return BodyStatus.Continue;
        if (direction.BodyChanged && direction.LengthSent && body.Length != before)
        {
            Log(WasmLogLevel.Error,
                "the module changed the length of a body whose headers had gone on with a content-length; remove content-length in "u8
                    + "the headers callback"u8);
            filter.SwitchOff();
            Stream.SendLocalReply(500, default, "wasm_body_length");
            return BodyStatus.StopIterationNoBuffer;
        }
        if (action == 0 || direction.Resume)
        {
            direction.Paused = direction.PausedInHeaders = false;
            HeadersGo(response, body.Length);
            return BodyStatus.Continue;
        }
        direction.Paused = true;
        direction.PausedInHeaders = false;
        return action switch { 1 => BodyStatus.StopIterationAndBuffer, 3 => BodyStatus.StopIterationNoBuffer,
            _ => BodyStatus.StopIterationAndWatermark };
    }

    public TrailersStatus OnTrailers(bool response, int count)
    {
        ref var direction = ref Of(response);
        direction.Ended = direction.SawTrailers = true;
        Enter(ref direction);
        bool ok = Vm.Call(this, response ? Vm.Exports.ResponseTrailers : Vm.Exports.RequestTrailers, count, direction.Paused ? 1 : 0,
            out int action);
        Leave(ref direction);
        if (!ok) OnFailure();
        if (_repliedNow) return TrailersStatus.StopIteration;
        if (_failed) return TrailersStatus.Continue;
        if (action != 0 && !direction.Resume)
        {
            direction.Paused = true;
            return TrailersStatus.StopIteration;
        }
        direction.Paused = false;
        HeadersGo(response, (response ? Stream.BufferedResponseBody(filter) : Stream.BufferedRequestBody(filter))?.Length ?? 0);
        return TrailersStatus.Continue;
    }

    public void OnComplete()
    {
        if (_failed || Id == 0) return;
        _request.Paused = _response.Paused = false; // too late to go on
        Stream.Trace?.Begin(FilterName, "OnComplete", null, null, true);
        Vm.Trace = _trace;
        bool ok = Vm.Call(this, Vm.Exports.Done, 1, out _) && Vm.Call(this, Vm.Exports.Log) && Vm.Call(this, Vm.Exports.Delete);
        Vm.Trace = null;
        if (!ok) Stream.Trace?.Failed($"{Plugin.Plugin.Name}: {Vm.Failure}");
        Stream.Trace?.End(ok ? "Done" : "Failed", null, null);
        if (!ok) Plugin.OnFailure(null);
        Forget();
    }

    /// <summary>Back to a fresh state; whatever still waits is forgotten.</summary>
    public void Clear()
    {
        Forget();
        _request = _response = default;
        _replied = _repliedNow = _failed = false;
        _trace = null;
    }

    /// <summary>The present call into the guest failed.</summary>
    public void OnFailure()
    {
        Stream.Trace?.Failed($"{Plugin.Plugin.Name}: {Vm.Failure}");
        Plugin.OnFailure(this);
    }

    /// <summary>The stream does without the plugin from here on, or is answered for it, as the policy says.</summary>
    public override void Fail()
    {
        if (_failed) return;
        _failed = true;
        bool request = _request.Paused || _request.HeadersWait, response = _response.Paused || _response.HeadersWait;
        bool inHook = _request.InHook || _response.InHook;
        filter.Refuse();
        if (filter.Plugin.Policy != WasmFailurePolicy.FailOpen || _replied || inHook) return;
        if (request) filter.Resume(response: false, withBody: false);
        if (response) filter.Resume(response: true, withBody: false);
    }

    public override void Leave() => Forget();

    private void Forget()
    {
        if (!Held) return;
        Held = false;
        if (Id > 0) Vm.Remove(this);
        Vm.LetGo();
    }

    // Apart, so that the closure is made only here.
    private static Action<string, string, string> TellTo(StreamTrace trace)
        => (function, arguments, result) => trace.Call(function, arguments, result, "");

    // ---- what the guest asks of its stream

    public override bool TryMap(WasmMap map, out HeaderMap? headers)
    {
        headers = map switch
        {
            WasmMap.RequestHeaders => Stream.RequestHeaders,
            WasmMap.RequestTrailers => _request.SawTrailers ? Stream.RequestTrailers : null,
            WasmMap.ResponseHeaders => _response.SawHeaders ? Stream.ResponseHeaders : null,
            WasmMap.ResponseTrailers => _response.SawTrailers ? Stream.ResponseTrailers : null,
            _ => null,
        };
        return map <= WasmMap.ResponseTrailers || Plugin.TryMap(map, out headers);
    }

    public override string? Refuses(WasmMap map, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (!FieldSyntax.IsValue(value)) return "control characters in the value";
        bool trailers = map is WasmMap.RequestTrailers or WasmMap.ResponseTrailers;
        if (name[0] == ':')
        {
            if (trailers) return "trailers have no pseudo-headers";
            if (map == WasmMap.ResponseHeaders) return name.SequenceEqual(":status"u8) ? FieldSyntax.ParseLength(value) is >= 200 and <= 599
                ? null : "a status is 200 to 599" : "there is no such pseudo-header in a response";
            if (value.IsEmpty && !name.SequenceEqual(":authority"u8)) return "it must not be empty";
            if (value.IndexOf((byte)' ') >= 0) return "white space";
            if (name.SequenceEqual(":method"u8)) return FieldSyntax.IsToken(value) ? null : "no method";
            return name.SequenceEqual(":path"u8) || name.SequenceEqual(":authority"u8)
                || name.SequenceEqual(":scheme"u8) ? null : "there is no such pseudo-header in a request";
        }
        return null;
    }

    public override void OnMapChanged(WasmMap map)
    {
        if (map == WasmMap.RequestHeaders && !_response.SawHeaders) Stream.ClearRouteCache();
    }

    public override bool TryBuffer(WasmBuffer buffer, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (buffer > WasmBuffer.ResponseBody) return Plugin.TryBuffer(buffer, out bytes);
        if (Writable(buffer) is not { } body) return false;
        bytes = body.Written;
        return true;
    }

    public override ByteWriter? Writable(WasmBuffer buffer) => buffer switch
    {
        WasmBuffer.RequestBody => _request.Body ?? Kept(Stream.BufferedRequestBody(filter)),
        WasmBuffer.ResponseBody => _response.Body ?? Kept(Stream.BufferedResponseBody(filter)),
        _ => null,
    };

    // An empty buffer is one that an earlier stream has left: what is put there would go nowhere.
    private static ByteWriter? Kept(ByteWriter? buffer) => buffer is { Length: > 0 } ? buffer : null;

    public override void OnBufferChanged(WasmBuffer buffer)
    {
        ref var direction = ref Of(buffer == WasmBuffer.ResponseBody);
        direction.BodyChanged = direction.EverChanged = true;
    }

    public override WasmStatus ClearRouteCache()
    {
        if (!_response.SawHeaders) Stream.ClearRouteCache();
        return WasmStatus.Ok;
    }

    public override WasmStatus SendLocalResponse(int status, ReadOnlySpan<byte> details, ReadOnlySpan<byte> body,
        ReadOnlySpan<byte> headers, int grpcStatus)
    {
        if (status is < 200 or > 599 || !HeaderPairs.TryOpen(headers, out _)) return WasmStatus.BadArgument;
        if (_replied || _failed)
        {
            // The first one counts. A guest that answers again, from the hook that sees that answer, then pauses for what it takes to be
            // its own: nobody would ever let it go on.
            GoOn(response: false);
            GoOn(response: true);
            return WasmStatus.Ok;
        }
        _replied = _repliedNow = true;
        _replyHeaders.Clear();
        _replyHeaders.Write(headers);
        string why = details.IsEmpty ? "wasm_local_response" : OneWord(details);
        if (GrpcStatus.IsGrpc(Stream.RequestHeaders))
        {
            // Trailers only: gRPC clients read the status from a head of status 200.
            int code = grpcStatus >= 0 ? grpcStatus : GrpcStatus.FromHttp(status);
            string message = Encoding.UTF8.GetString(body[..Math.Min(body.Length, MaxGrpcMessage)]);
            Stream.SendLocalReply(200, default, why, ResponseFlags.None, static (to, state) =>
            {
                var (context, grpc, text) = ((HttpContext, int, string))state!;
                context.AddReplyHeaders(to);
                to.Set("content-type", "application/grpc");
                to.Set("grpc-status", grpc.ToString(CultureInfo.InvariantCulture));
                if (text.Length > 0) to.Set("grpc-message", Uri.EscapeDataString(text));
            }, (this, code, message));
        }
        else Stream.SendLocalReply(status, body, why, ResponseFlags.None, static (to, state) => ((HttpContext)state!).AddReplyHeaders(to),
            this);
        // What stands still for the guest need not wait: the reply ends it. The response's callbacks come for it, as in Envoy.
        _request.Paused = _response.Paused = false;
        return WasmStatus.Ok;
    }

    public override WasmStatus Continue(WasmStream stream)
    {
        if (stream > WasmStream.HttpResponse) return WasmStatus.BadArgument;
        GoOn(stream == WasmStream.HttpResponse);
        return WasmStatus.Ok;
    }

    private void GoOn(bool response)
    {
        ref var direction = ref Of(response);
        if (direction.InHook) direction.Resume = true;
        else if (direction.Paused) Vm.ResumeLater(this, response ? WasmStream.HttpResponse : WasmStream.HttpRequest);
    }

    public override void Resume(WasmStream stream)
    {
        bool response = stream == WasmStream.HttpResponse;
        ref var direction = ref Of(response);
        if (!direction.Paused || _failed || (_replied && !response)) return;
        direction.Paused = false;
        bool body = (response ? Vm.Exports.ResponseBody : Vm.Exports.RequestBody).Exists;
        if (direction.PausedInHeaders && body && !direction.Ended && Headers(response).Has(HeaderId.ContentLength))
        {
            direction.PausedInHeaders = false;
            direction.HeadersWait = true;
            filter.Resume(response, withBody: true);
            return;
        }
        direction.PausedInHeaders = false;
        HeadersGo(response, (response ? Stream.BufferedResponseBody(filter) : Stream.BufferedRequestBody(filter))?.Length ?? 0);
        filter.Resume(response, withBody: false);
    }

    public override WasmStatus Close(WasmStream stream)
    {
        if (stream > WasmStream.HttpResponse) return WasmStatus.BadArgument;
        Stream.Info.Details = "wasm_close_stream";
        Stream.Cut();
        return WasmStatus.Ok;
    }

    // ----

    private ref Direction Of(bool response) => ref response ? ref _response : ref _request;
    private HeaderMap Headers(bool response) => response ? Stream.ResponseHeaders : Stream.RequestHeaders;

    private void Enter(ref Direction direction)
    {
        direction.InHook = true;
        _repliedNow = false;
        direction.Resume = direction.BodyChanged = false;
        Vm.Trace = _trace;
    }

    private void Leave(ref Direction direction)
    {
        direction.InHook = false;
        Vm.Trace = null;
    }

    // The headers go on, if they waited: with the length that the body has now, or without one.
    private void HeadersGo(bool response, int length)
    {
        ref var direction = ref Of(response);
        var headers = Headers(response);
        if (!headers.Has(HeaderId.ContentLength)) { direction.HeadersWait = false; return; }
        if (direction.HeadersWait || !direction.LengthSent)
        {
            direction.HeadersWait = false;
            if (direction.Ended && !direction.SawTrailers)
            {
                var digits = Stream.Worker.Scratch;
                digits.Clear();
                digits.Write(length);
                headers.Set(HeaderId.ContentLength, digits.Written);
            }
            else if (direction.EverChanged) headers.Remove(HeaderId.ContentLength);
            direction.LengthSent = headers.Has(HeaderId.ContentLength);
        }
    }

    // For access logs, which have it in a line.
    private static string OneWord(ReadOnlySpan<byte> text)
        => string.Concat(Encoding.UTF8.GetString(text[..Math.Min(text.Length, 200)])
            .Select(c => char.IsControl(c) || char.IsWhiteSpace(c) ? '_' : c));

    private void AddReplyHeaders(HeaderMap to)
    {
        if (!HeaderPairs.TryOpen(_replyHeaders.Written, out var reader)) return;
        Span<byte> buffer = stackalloc byte[512];
        while (reader.Next(out var name, out var value))
        {
            if (name.IsEmpty || name.Length > buffer.Length || name[0] == ':') continue; // the status is an argument
            name.CopyTo(buffer);
            var lower = buffer[..name.Length];
            if (!FieldSyntax.LowerName(lower) || !FieldSyntax.IsValue(value) || FieldSyntax.LooksLikeFraming(lower)) continue;
            if (lower.SequenceEqual("content-type"u8)) to.Set(lower, value); else to.Add(lower, value);
        }
    }
}
