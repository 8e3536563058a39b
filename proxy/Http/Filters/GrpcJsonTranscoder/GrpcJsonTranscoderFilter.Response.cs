using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

/// <summary>The way back: messages to JSON, and what the trailers say to a status of HTTP.</summary>
internal sealed partial class GrpcJsonTranscoderFilter
{
    private const string HttpBody = "google.api.HttpBody";

    private bool _answers, _streams, _first, _holds;

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        if (_state == State.Off || !headers.Get(HeaderId.ContentType).StartsWith("application/grpc"u8)) return HeadersStatus.Continue;
        _answers = true;
        headers.Remove(HeaderId.ContentLength);
        headers.Set(HeaderId.ContentType, "application/json"u8);
        if (endStream)
        {
            var body = Stream.WritableBody(this, response: true);
            Complete(headers, headers, default, body);
            return HeadersStatus.Continue;
        }
        _streams = _first = _binding.Method.ServerStreams;
        if (!_streams) return HeadersStatus.StopIteration;
        if (_settings.Style == StreamStyle.Events) headers.Set(HeaderId.ContentType, "text/event-stream"u8);
        _holds = AnswerType.Name == HttpBody; // its first message says what it is
        return _holds ? HeadersStatus.StopIteration : HeadersStatus.Continue;
    }

    public override BodyStatus OnResponseBody(ByteWriter body, bool endStream)
    {
        if (!_answers) return BodyStatus.Continue;
        if (!_streams)
        {
            if (!endStream) return ResponseIsTooLarge(body) ? BodyStatus.StopIterationNoBuffer : BodyStatus.StopIterationAndBuffer;
            // No trailers: whatever it is, it has no status of gRPC.
            var whole = Stream.JoinBody(this, response: true);
            Complete(Stream.ResponseHeaders, Stream.ResponseHeaders, whole.Written, whole);
            return BodyStatus.Continue;
        }
        if (!StreamAnswer(body)) return BodyStatus.StopIterationNoBuffer;
        if (endStream) EndStream(body);
        if (_holds && _first && !endStream) return BodyStatus.StopIterationAndBuffer;
        return BodyStatus.Continue;
    }

    public override TrailersStatus OnResponseTrailers(HeaderMap trailers)
    {
        if (!_answers) return TrailersStatus.Continue;
        if (_streams)
        {
            EndStream(Stream.WritableBody(this, response: true));
            return TrailersStatus.Continue;
        }
        Stream.KeepTrailersBack();
        var body = Stream.BufferedResponseBody(this) ?? Stream.WritableBody(this, response: true);
        Complete(Stream.ResponseHeaders, trailers, body.Written, body);
        return TrailersStatus.Continue;
    }

    private ProtoMessage AnswerType => _binding.ResponseBody?.Message ?? _binding.Method.Output;

    private long AnswerLimit => _settings.Config.MaxResponseBodySize ?? DefaultLimit;

    private bool ResponseIsTooLarge(ByteWriter piece)
    {
        if (_settings.Config.MaxResponseBodySize is null
            || piece.Length + (Stream.BufferedResponseBody(this)?.Length ?? 0) <= AnswerLimit) return false;
        Fail();
        return true;
    }

    // An answer that is no stream, in place of its frames.
    private void Complete(HeaderMap headers, HeaderMap says, ReadOnlySpan<byte> frames, ByteWriter body)
    {
        _answers = false; // what comes to the hooks yet is this filter's own
        if (!int.TryParse(says.Get(HeaderId.GrpcStatus), NumberStyles.None, CultureInfo.InvariantCulture, out int status)) status = 2;
        _work.Clear();
        // A stream of no messages, all of it in its first headers.
        if (status == 0 && frames.IsEmpty && _binding.Method.ServerStreams)
        {
            if (_settings.Style == StreamStyle.Events) headers.Set(HeaderId.ContentType, "text/event-stream"u8);
            _first = true;
            EndStream(_work);
        }
        else if (status == 0)
        {
            if (!MessageFrames.TryTake(ref frames, long.MaxValue, out var message, out _) || !Answer(message, headers, _work)) Fail();
        }
        else if (_settings.Config.ConvertGrpcStatus) StatusBody(status, says, _work);
        Span<byte> digits = stackalloc byte[10];
        if (status != 0)
        {
            HttpStatus(status).TryFormat(digits, out int n, default, CultureInfo.InvariantCulture);
            headers.Set(HeaderId.Status, digits[..n]);
        }
        if (!ReferenceEquals(headers, says) && !(status != 0 && _settings.Config.ConvertGrpcStatus))
        {
            if (says.Has(HeaderId.GrpcStatus)) headers.Set(HeaderId.GrpcStatus, says.Get(HeaderId.GrpcStatus));
            if (says.Has(HeaderId.GrpcMessage)) headers.Set(HeaderId.GrpcMessage, says.Get(HeaderId.GrpcMessage));
        }
        else if (status != 0 && _settings.Config.ConvertGrpcStatus)
        {
            headers.Remove(HeaderId.GrpcStatus);
            headers.Remove(HeaderId.GrpcMessage);
            headers.Remove("grpc-status-details-bin"u8);
        }
        body.Clear();
        body.Write(_work.Written);
        body.Length.TryFormat(digits, out int length, default, CultureInfo.InvariantCulture);
        headers.Set(HeaderId.ContentLength, digits[..length]);
    }

    // One message.
    private bool Answer(ReadOnlySpan<byte> message, HeaderMap? headers, ByteWriter into)
    {
        if (AnswerType.Name == HttpBody && _binding.ResponseBody is not { IsRepeated: true })
        {
            if (_binding.ResponseBody is { } field && !ProtoReader.TryField(message, field.Number, out message)) message = default;
            if (ProtoReader.TryField(message, 1, out var type) && FieldSyntax.IsValue(type)) headers?.Set(HeaderId.ContentType, type);
            if (ProtoReader.TryField(message, 2, out var data)) into.Write(data);
            return true;
        }
        return _binding.ResponseBody is { } only ? _toJson!.TryWriteField(message, _binding.Method.Output, only, into)
            : _toJson!.TryWrite(message, _binding.Method.Output, into);
    }

    private bool StreamAnswer(ByteWriter body)
    {
        _pending.Write(body.Written);
        _work.Clear();
        var rest = _pending.Written;
        bool raw = AnswerType.Name == HttpBody, wrong;
        while (MessageFrames.TryTake(ref rest, AnswerLimit, out var message, out wrong))
        {
            if (!raw)
                _work.Write(_settings.Style == StreamStyle.Events ? "data: "u8
                    : _settings.Style == StreamStyle.Lines ? default : _first ? "["u8 : ","u8);
            if (!Answer(message, _first && _holds ? Stream.ResponseHeaders : null, _work)) { wrong = true; break; }
            if (!raw && _settings.Style != StreamStyle.Array) _work.Write(_settings.Style == StreamStyle.Events ? "\n\n"u8 : "\n"u8);
            _first = false;
        }
        if (wrong)
        {
            Fail();
            return false;
        }
        Drop(_pending, _pending.Length - rest.Length);
        body.Clear();
        body.Write(_work.Written);
        return true;
    }

    private void EndStream(ByteWriter body)
    {
        if (_settings.Style == StreamStyle.Array && AnswerType.Name != HttpBody) body.Write(_first ? "[]"u8 : "]"u8);
    }

    private void Fail()
    {
        _answers = false;
        LeaveGrpc();
        Stream.FailStream("grpc_json_transcode_failure");
    }

    // google.rpc.Status: what the service sent of one, else made of the two fields.
    private void StatusBody(int status, HeaderMap says, ByteWriter into)
    {
        if (says.TryGet("grpc-status-details-bin"u8, out var details)
            && _settings.Types.Messages.TryGetValue("google.rpc.Status", out var type))
        {
            byte[] bytes = new byte[details.Length + 4];
            details.CopyTo(bytes);
            int length = details.TrimEnd((byte)'=').Length, padded = (length + 3) / 4 * 4;
            bytes.AsSpan(length, padded - length).Fill((byte)'=');
            if (Base64.DecodeFromUtf8InPlace(bytes.AsSpan(0, padded), out int n) == System.Buffers.OperationStatus.Done
                && _toJson!.TryWrite(bytes.AsSpan(0, n), type, into)) return;
            into.Clear();
        }
        into.Write("{\"code\":"u8);
        into.Write((long)status);
        into.Write(",\"message\":"u8);
        ProtoToJson.Text(Encoding.UTF8.GetBytes(Uri.UnescapeDataString(Encoding.UTF8.GetString(says.Get(HeaderId.GrpcMessage)))), into);
        into.Write("}"u8);
    }

    // google/rpc/code.proto, as Envoy has it.
    private static int HttpStatus(int grpc) => grpc switch
    {
        0 => 200, 1 => 499, 3 or 9 or 11 => 400, 4 => 504, 5 => 404, 6 or 10 => 409, 7 => 403, 8 => 429, 12 => 501, 14 => 503, 16 => 401,
        _ => 500,
    };
}
