using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

/// <summary>
/// HTTP with JSON towards the client, gRPC towards the service. A request that no rule matches, and one of gRPC, passes untouched. What is
/// no stream is read whole and checked before the service hears of it; messages of streams go by one at a time.
/// </summary>
internal sealed partial class GrpcJsonTranscoderFilter(TranscoderSettings own) : HttpFilter
{
    private const int DefaultLimit = 1 << 20; // as the listener's buffers

    private enum State : byte { Off, Waiting, Sent }

    private readonly ByteWriter _url = new(0), _work = new(0), _pending = new(0);
    private readonly UrlBinder _binder = new();
    private readonly ArrayScanner _scanner = new();
    private TranscoderSettings _settings = TranscoderSettings.Off;
    private HttpBinding _binding = null!;
    private JsonToProto? _toProto;
    private ProtoToJson? _toJson;
    private byte[] _type = [];
    private State _state;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        _settings = RouteConfig<TranscoderSettings>() ?? own;
        if (_settings.IsOff || GrpcStatus.IsGrpc(headers)) return HeadersStatus.Continue;
        var target = headers.Get(HeaderId.Path);
        int mark = target.IndexOf((byte)'?');
        var path = mark < 0 ? target : target[..mark];
        Span<(int From, int To)> segments = stackalloc (int, int)[BindingTable.MostSegments];
        if (_settings.Table.Find(headers.Get(HeaderId.Method), path, segments, out int count) is not { } binding)
        {
            if (_settings.Config.RequestValidationOptions.RejectUnknownMethod) Refuse(404, "no method is called by this path");
            return HeadersStatus.Continue;
        }
        _toProto = new JsonToProto(_settings.Types, _settings.Config.CaseInsensitiveEnumParsing);
        if (!_binder.TryPath(binding, path, segments[..count], _settings, _url)) return Refuse(400, _binder.Wrong);
        switch (_binder.Query(binding, mark < 0 ? default : target[(mark + 1)..], _settings, _toProto, _url))
        {
            case UrlOutcome.Wrong: return Refuse(400, _binder.Wrong);
            case UrlOutcome.Unknown:
                return _settings.Config.RequestValidationOptions.RejectUnknownQueryParameters ? Refuse(400, _binder.Wrong)
                    : HeadersStatus.Continue;
        }
        _binding = binding;
        _toJson = new ProtoToJson(_settings.Types, _settings.Print);
        _state = State.Waiting;
        Rewrite(headers);
        if (endStream)
        {
            if (!binding.Method.ClientStreams || _url.Length > 0) Frame(default, Stream.WritableBody(this, response: false));
            _state = State.Sent;
            return HeadersStatus.Continue;
        }
        if (_settings.Config.MaxRequestBodySize is { } most) Stream.RaiseRequestLimit(most);
        return binding.Method.ClientStreams ? HeadersStatus.Continue : HeadersStatus.StopIteration;
    }

    public override BodyStatus OnRequestBody(ByteWriter body, bool endStream)
    {
        if (_state != State.Waiting) return BodyStatus.Continue;
        if (_binding.Method.ClientStreams) return StreamBody(body, endStream);
        if (!_binding.HasBody) body.Clear(); // the rule has no place for it
        if (!endStream) return IsTooLarge(body) ? BodyStatus.StopIterationNoBuffer : BodyStatus.StopIterationAndBuffer;
        return WholeBody(Stream.JoinBody(this, response: false)) ? BodyStatus.Continue : BodyStatus.StopIterationNoBuffer;
    }

    public override TrailersStatus OnRequestTrailers(HeaderMap trailers)
    {
        if (_state != State.Waiting) return TrailersStatus.Continue;
        if (_binding.Method.ClientStreams) StreamBody(Stream.WritableBody(this, response: false), endStream: true);
        else WholeBody(Stream.BufferedRequestBody(this) ?? Stream.WritableBody(this, response: false));
        return TrailersStatus.Continue;
    }

    public override void OnDestroy()
    {
        _url.Release(keep: 16 * 1024);
        _work.Release(keep: 16 * 1024);
        _pending.Release(keep: 0);
        _binder.Reset();
        _scanner.Reset();
        _settings = TranscoderSettings.Off;
        _binding = null!;
        (_toProto, _toJson) = (null, null);
        _type = [];
        _state = State.Off;
        _answers = _streams = _first = _holds = false;
    }

    // Of the whole body, or of nothing: the request's message.
    private bool WholeBody(ByteWriter body)
    {
        if (IsTooLarge(body)) return false;
        if (!Frame(body.Written, body)) return false;
        _state = State.Sent;
        return true;
    }

    private bool IsTooLarge(ByteWriter piece)
    {
        long have = piece.Length + (Stream.BufferedRequestBody(this)?.Length ?? 0);
        if (_settings.Config.MaxRequestBodySize is not { } most || have <= most) return false;
        Refuse(413, "Payload Too Large");
        return true;
    }

    private bool Frame(ReadOnlySpan<byte> json, ByteWriter into)
    {
        _work.Clear();
        int at = MessageFrames.Begin(_work);
        if (!Message(json, _work)) return false;
        _work.Write(_url.Written);
        MessageFrames.End(_work, at);
        into.Clear();
        into.Write(_work.Written);
        return true;
    }

    private bool Message(ReadOnlySpan<byte> json, ByteWriter into)
    {
        int from = into.Length;
        string wrong = "";
        bool ok = true;
        if (_binding.BodyIsAll)
        {
            if (_binding.Method.Input.Name == HttpBody) RawBody(json, into);
            else if (!json.IsEmpty) ok = _toProto!.TryMessage(json, _binding.Method.Input, into, out wrong);
        }
        else if (_binding.Body is { } field && !json.IsEmpty)
        {
            if (field.Message?.Name == HttpBody)
            {
                int at = ProtoWriter.Begin(into, field.Number);
                RawBody(json, into);
                ProtoWriter.End(into, at);
            }
            else ok = _toProto!.TryField(json, field, into, out wrong);
        }
        bool checks = ok && _settings.Config.RequestValidationOptions.RejectBindingBodyFieldCollisions;
        if (checks && UrlBinder.Collides(_binding, into.Written[from..], _url.Written))
            (ok, wrong) = (false, "the URL and the body say two things");
        if (!ok) Refuse(400, wrong);
        return ok;
    }

    // google/api/httpbody.proto: content_type, data.
    private void RawBody(ReadOnlySpan<byte> data, ByteWriter into)
    {
        ProtoWriter.Field(into, 1, _type.AsSpan());
        ProtoWriter.Field(into, 2, data);
    }

    private BodyStatus StreamBody(ByteWriter body, bool endStream)
    {
        _work.Clear();
        bool raw = (_binding.Body?.Message ?? _binding.Method.Input).Name == HttpBody;
        if (raw || !_binding.HasBody)
        {
            // Each piece is a message; the URL's fields come with the first.
            if (body.Length > 0 || (endStream && _url.Length > 0))
            {
                int at = MessageFrames.Begin(_work);
                if (!Message(raw ? body.Written : default, _work)) return BodyStatus.StopIterationNoBuffer;
                _work.Write(_url.Written);
                _url.Clear();
                MessageFrames.End(_work, at);
            }
        }
        else
        {
            _pending.Write(body.Written);
            int done = 0;
            bool wrong;
            int from, to;
            while (_scanner.TryNext(_pending.Written[done..], out from, out to, out wrong))
            {
                int at = MessageFrames.Begin(_work);
                if (!Message(_pending.Written.Slice(done + from, to - from), _work)) return BodyStatus.StopIterationNoBuffer;
                _work.Write(_url.Written); // a path's variables are those of each message
                MessageFrames.End(_work, at);
                done += to;
            }
            if (wrong || (endStream && !_scanner.IsWhole))
            {
                Refuse(400, "the body is no array of objects");
                return BodyStatus.StopIterationNoBuffer;
            }
            Drop(_pending, done + to);
            if (_pending.Length > (_settings.Config.MaxRequestBodySize ?? DefaultLimit))
            {
                Refuse(413, "Payload Too Large");
                return BodyStatus.StopIterationNoBuffer;
            }
        }
        body.Clear();
        body.Write(_work.Written);
        if (endStream) _state = State.Sent;
        return BodyStatus.Continue;
    }

    private static void Drop(ByteWriter from, int bytes)
    {
        if (bytes == 0) return;
        var rest = from.Written[bytes..];
        rest.CopyTo(from.Storage);
        from.Truncate(rest.Length);
    }

    private void Rewrite(HeaderMap headers)
    {
        _type = headers.Get(HeaderId.ContentType).ToArray();
        if (_settings.Config.MatchIncomingRequestRoute) _ = Stream.Route;
        headers.Set("x-envoy-original-path"u8, headers.Get(HeaderId.Path).ToArray());
        headers.Set("x-envoy-original-method"u8, headers.Get(HeaderId.Method).ToArray());
        headers.Set(HeaderId.Method, "POST"u8);
        headers.Set(HeaderId.Path, _binding.GrpcPath);
        headers.Set(HeaderId.ContentType, "application/grpc"u8);
        headers.Set(HeaderId.Te, "trailers"u8);
        headers.Remove(HeaderId.ContentLength);
        if (!_settings.Config.MatchIncomingRequestRoute) Stream.ClearRouteCache();
    }

    // An answer of this filter's own is one of HTTP.
    private HeadersStatus Refuse(int status, string text)
    {
        LeaveGrpc();
        Stream.SendLocalReply(status, System.Text.Encoding.UTF8.GetBytes(text), "grpc_json_transcode_failure");
        return HeadersStatus.StopIteration;
    }

    private void LeaveGrpc()
    {
        if (_state != State.Off && _type.Length > 0) Stream.RequestHeaders.Set(HeaderId.ContentType, _type);
        else if (_state != State.Off) Stream.RequestHeaders.Remove(HeaderId.ContentType);
        _state = State.Off;
    }
}
