using System.Text.Unicode;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Tap;

/// <summary>One side of a stream as it has passed the filter so far: headers, the beginning of the body, trailers. Reused.</summary>
internal sealed class TapMessage(BufferPool pool)
{
    public HeaderMap Headers { get; } = new();
    public HeaderMap Trailers { get; } = new();
    public ByteWriter Body { get; } = new(pool);
    public bool HasHeaders { get; set; }
    public bool HasTrailers { get; set; }
    /// <summary>Nothing more comes.</summary>
    public bool IsOver { get; set; }
    /// <summary>Of all that has passed, kept or not.</summary>
    public long BodyLength { get; set; }
    /// <summary>When the headers came; microseconds since the Unix epoch.</summary>
    public long Micros { get; set; }

    /// <summary>Keeps of a piece what <paramref name="most"/> leaves room for.</summary>
    public void Keep(ReadOnlySpan<byte> piece, long most)
    {
        BodyLength += piece.Length;
        long room = most - Body.Length;
        if (room > 0) Body.Write(piece[..(int)Math.Min(room, piece.Length)]);
    }

    public void Clear()
    {
        Headers.Clear();
        Headers.Shrink();
        Trailers.Clear();
        Trailers.Shrink();
        Body.Release();
        (HasHeaders, HasTrailers, IsOver, BodyLength, Micros) = (false, false, false, 0, 0);
    }
}

/// <summary>Writes the parts of a trace: Envoy's data.tap.v3.TraceWrapper with what is in it.</summary>
internal static class TapTrace
{
    /// <summary>All of a stream in one message.</summary>
    public static byte[] Whole(TapSettings settings, TapMessage request, TapMessage response)
    {
        var to = TapEncoder.Of(settings.Format);
        to.Open("http_buffered_trace", 1);
        Message(to, "request", 1, request, settings.MostRequest, settings);
        if (response.HasHeaders) Message(to, "response", 2, response, settings.MostResponse, settings);
        to.Close();
        return to.Finish();
    }

    /// <summary>Headers or trailers of a streamed trace.</summary>
    public static byte[] Fields(TapSettings settings, ulong id, string name, int number, HeaderMap fields)
    {
        var to = Segment(settings, id);
        to.Open(name, number);
        List(to, "headers", 1, fields);
        to.Close();
        to.Close();
        return to.Finish();
    }

    /// <summary>A piece of a body of a streamed trace.</summary>
    public static byte[] Piece(TapSettings settings, ulong id, string name, int number, ReadOnlySpan<byte> piece, long length, long most)
    {
        var to = Segment(settings, id);
        Body(to, name, number, piece, length, most, settings);
        to.Close();
        return to.Finish();
    }

    private static TapEncoder Segment(TapSettings settings, ulong id)
    {
        var to = TapEncoder.Of(settings.Format);
        to.Open("http_streamed_trace_segment", 2);
        to.Number("trace_id", 1, id);
        return to;
    }

    private static void Message(TapEncoder to, string name, int number, TapMessage message, long most, TapSettings settings)
    {
        to.Open(name, number);
        List(to, "headers", 1, message.Headers);
        if (message.BodyLength > 0) Body(to, "body", 2, message.Body.Written, message.BodyLength, most, settings);
        if (message.HasTrailers) List(to, "trailers", 3, message.Trailers);
        if (settings.TellsTimes) to.Time("headers_received_time", 4, message.Micros);
        to.Close();
    }

    private static void Body(TapEncoder to, string name, int number, ReadOnlySpan<byte> body, long length, long most, TapSettings settings)
    {
        if (body.Length > most) body = body[..(int)most];
        to.Open(name, number);
        if (settings.Format == TapFormat.JsonBodyAsString) to.Text("as_string", 2, body); else to.Bytes("as_bytes", 1, body);
        to.Truth("truncated", 3, body.Length < length);
        to.Close();
    }

    private static void List(TapEncoder to, string name, int number, HeaderMap fields)
    {
        to.OpenList(name);
        int cursor = 0;
        while (fields.Next(ref cursor, out ReadOnlySpan<byte> field, out var value))
        {
            to.Open(name, number);
            to.Text("key", 1, field);
            // A text of protocol buffers is UTF-8; other bytes have a field of their own.
            if (Utf8.IsValid(value)) to.Text("value", 2, value); else to.Bytes("raw_value", 3, value);
            to.Close();
        }
        to.CloseList();
    }
}
