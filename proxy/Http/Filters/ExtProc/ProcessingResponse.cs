using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.ExtProc;

/// <summary>What a ProcessingResponse is about; the numbers of its fields.</summary>
internal enum AnswerKind : byte
{
    None, RequestHeaders, ResponseHeaders, RequestBody, ResponseBody, RequestTrailers, ResponseTrailers, Immediate,
}

/// <summary>Reads envoy.service.ext_proc.v3.ProcessingResponse in place.</summary>
internal readonly ref struct ProcessingResponse
{
    private const int MaxFields = 1000;

    public AnswerKind Kind { get; private init; }
    /// <summary>The message of that kind.</summary>
    public ReadOnlySpan<byte> Body { get; private init; }
    public ReadOnlySpan<byte> Metadata { get; private init; }
    public ReadOnlySpan<byte> Mode { get; private init; }
    public bool HasMode { get; private init; }
    /// <summary>Microseconds; -1: it is none for more time.</summary>
    public long MoreMicros { get; private init; }

    /// <summary>False: it is none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, out ProcessingResponse response)
    {
        response = default;
        AnswerKind kind = AnswerKind.None;
        ReadOnlySpan<byte> body = default, metadata = default, mode = default;
        bool hasMode = false;
        long more = -1;
        for (int fields = 0; !message.IsEmpty; fields++)
        {
            if (fields == MaxFields || !ProtoReader.TryNext(ref message, out int field, out var bytes, out _)) return false;
            switch (field)
            {
                case >= 1 and <= 7:
                    kind = (AnswerKind)field;
                    body = bytes;
                    break;
                case 8: metadata = bytes; break;
                case 9:
                    mode = bytes;
                    hasMode = true;
                    break;
                case 10:
                    more = (long)Math.Min(ProtoReader.Number(bytes, 1, 0), 1_000_000) * 1_000_000
                        + (long)Math.Min(ProtoReader.Number(bytes, 2, 0), 1_000_000_000) / 1000;
                    break;
            }
        }
        response = new ProcessingResponse
        {
            Kind = kind, Body = body, Metadata = metadata, Mode = mode, HasMode = hasMode, MoreMicros = more,
        };
        return true;
    }

    /// <summary>mode_override; null where it asks for what is not available.</summary>
    public ProcessingModeConfig? Override()
    {
        var message = Mode;
        ulong N(ReadOnlySpan<byte> of, int field) => ProtoReader.Number(of, field, 0);
        ulong request = N(message, 3), response = N(message, 4);
        // A body that goes both ways at once may already be on its way.
        if (request > (ulong)BodySendMode.BufferedPartial || response > (ulong)BodySendMode.BufferedPartial) return null;
        return new ProcessingModeConfig
        {
            RequestHeaderMode = Header(N(message, 1)), ResponseHeaderMode = Header(N(message, 2)), RequestBodyMode = (BodySendMode)request,
            ResponseBodyMode = (BodySendMode)response, RequestTrailerMode = Header(N(message, 5)),
            ResponseTrailerMode = Header(N(message, 6)),
        };
    }

    private static HeaderSendMode Header(ulong mode) => mode > 2 ? HeaderSendMode.Default : (HeaderSendMode)mode;
}

/// <summary>CommonResponse, of headers and bodies.</summary>
internal readonly ref struct CommonAnswer
{
    public ReadOnlySpan<byte> Headers { get; private init; }
    public bool HasHeaders { get; private init; }
    /// <summary>CONTINUE_AND_REPLACE.</summary>
    public bool Replaces { get; private init; }
    public bool ClearsRoute { get; private init; }
    /// <summary>The body is another: <see cref="Body"/>, empty where it is taken away.</summary>
    public bool HasBody { get; private init; }
    public ReadOnlySpan<byte> Body { get; private init; }
    /// <summary>It is a piece of a body that goes both ways at once.</summary>
    public bool IsStreamed { get; private init; }
    public bool Ends { get; private init; }

    /// <summary>False: it is none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, out CommonAnswer answer)
    {
        answer = default;
        if (message.IsEmpty) return true; // nothing is to be changed
        if (!ProtoReader.TryField(message, 1, out var common)) return IsMessage(message);
        if (!IsMessage(common)) return false;
        bool hasHeaders = ProtoReader.TryField(common, 2, out var headers);
        ProtoReader.TryField(common, 3, out var mutation);
        bool streamed = false, ends = false, hasBody = false;
        ReadOnlySpan<byte> body = default;
        while (!mutation.IsEmpty)
        {
            if (!ProtoReader.TryNext(ref mutation, out int field, out var bytes, out ulong number)) return false;
            if (field is < 1 or > 3) continue;
            (hasBody, streamed) = (field != 2 || number != 0, field == 3);
            body = field == 1 ? bytes : default;
            if (field != 3) continue;
            ProtoReader.TryField(bytes, 1, out body);
            ends = ProtoReader.Number(bytes, 2, 0) != 0;
        }
        answer = new CommonAnswer
        {
            Headers = headers, HasHeaders = hasHeaders, Replaces = ProtoReader.Number(common, 1, 0) == 1,
            ClearsRoute = ProtoReader.Number(common, 5, 0) != 0, HasBody = hasBody, Body = body, IsStreamed = streamed, Ends = ends,
        };
        return true;
    }

    private static bool IsMessage(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
            if (!ProtoReader.TryNext(ref bytes, out _, out _, out _)) return false;
        return true;
    }
}
