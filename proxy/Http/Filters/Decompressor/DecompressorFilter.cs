using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Ascii = System.Text.Ascii;
using Decoder = Managed.Proxy.Core.Compression.Decoder;

namespace Managed.Proxy.Http.Filters.Decompressor;

/// <summary>
/// Decompresses a message as it goes by. What comes out is bounded by what came in; the message that would be more is given up there, and
/// what is broken too: nobody behind this filter takes half a message for a whole one.
/// </summary>
internal sealed class DecompressorFilter(DecompressorSettings settings) : HttpFilter
{
    private const long Free = 64 * 1024; // bytes that any message may become

    private struct Body
    {
        public Decoder? Decoder;
        public long In, Out;
    }

    private readonly ByteWriter _work = new(0);
    private Body _request, _response;
    private long _counted; // of the memory of the decoders

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        if (settings.Advertises) Advertise(headers);
        Begin(ref _request, settings.Request, headers, endStream);
        return HeadersStatus.Continue;
    }

    public override BodyStatus OnRequestBody(ByteWriter body, bool endStream) => Take(ref _request, settings.Request, body, endStream);

    public override TrailersStatus OnRequestTrailers(HeaderMap trailers)
    {
        if (_request.Decoder is { IsWhole: false }) Fail();
        return TrailersStatus.Continue;
    }

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        Begin(ref _response, settings.Response, headers, endStream);
        return HeadersStatus.Continue;
    }

    public override BodyStatus OnResponseBody(ByteWriter body, bool endStream) => Take(ref _response, settings.Response, body, endStream);

    public override TrailersStatus OnResponseTrailers(HeaderMap trailers)
    {
        if (_response.Decoder is { IsWhole: false }) Fail();
        return TrailersStatus.Continue;
    }

    public override void OnDestroy()
    {
        var worker = Stream.Worker;
        if (_request.Decoder is { } request) settings.Library.Pool.Return(request, worker.Id);
        if (_response.Decoder is { } response) settings.Library.Pool.Return(response, worker.Id);
        worker.Loop.Buffers.Budget.Take(-_counted);
        _request = _response = default;
        _counted = 0;
        _work.Release(keep: 64 * 1024);
    }

    private void Advertise(HeaderMap headers)
    {
        var scratch = Stream.Worker.Scratch;
        scratch.Clear();
        int cursor = 0;
        while (headers.Next(ref cursor, out var id, out _, out var value))
        {
            if (id != HeaderId.AcceptEncoding) continue;
            var list = value;
            while (FieldSyntax.NextMember(ref list, out var member))
                if (Ascii.EqualsIgnoreCase(member, settings.Library.Coding)) return;
            if (scratch.Length > 0) scratch.Write((byte)',');
            scratch.Write(value);
        }
        if (scratch.Length > 0) scratch.Write((byte)',');
        scratch.Write(settings.Library.Coding);
        headers.Set(HeaderId.AcceptEncoding, scratch.Written);
    }

    private void Begin(ref Body body, DecompressorDirection direction, HeaderMap headers, bool endStream)
    {
        var worker = Stream.Worker;
        if (!direction.IsOn) return;
        if (endStream || !HasCoding(headers, out int rest) || (!direction.IgnoresNoTransform && SaysNoTransform(headers)))
        {
            worker.Stats.Increment(direction.NotDecompressed);
            return;
        }
        worker.Stats.Increment(direction.Decompressed);
        headers.Remove(HeaderId.ContentLength);
        if (rest == 0) headers.Remove(HeaderId.ContentEncoding);
        else headers.Set(HeaderId.ContentEncoding, headers.Get(HeaderId.ContentEncoding)[..rest]);
        body.Decoder = settings.Library.Pool.Rent(worker.Id);
    }

    // Codings stand in the order in which they were applied (RFC 9110 section 8.4): ours is to be the last.
    private bool HasCoding(HeaderMap headers, out int rest)
    {
        rest = 0;
        if (headers.CountOf("content-encoding"u8) != 1) return false;
        var all = headers.Get(HeaderId.ContentEncoding);
        int comma = all.LastIndexOf((byte)',');
        var last = all[(comma + 1)..].Trim(" \t"u8);
        if (!Ascii.EqualsIgnoreCase(last, settings.Library.Coding)
            && !(settings.Library.StatName == "gzip" && Ascii.EqualsIgnoreCase(last, "x-gzip"u8))) return false;
        rest = comma < 0 ? 0 : all[..comma].TrimEnd(" \t"u8).Length;
        return true;
    }

    private static bool SaysNoTransform(HeaderMap headers)
    {
        for (int i = 0; headers.TryGetAt("cache-control"u8, i, out var list) && i < 8; i++)
            while (FieldSyntax.NextMember(ref list, out var member))
                if (Ascii.EqualsIgnoreCase(member, "no-transform"u8)) return true;
        return false;
    }

    private BodyStatus Take(ref Body message, DecompressorDirection direction, ByteWriter body, bool end)
    {
        if (message.Decoder is not { } decoder) return BodyStatus.Continue;
        var worker = Stream.Worker;
        message.In += body.Length;
        long most = Math.Max(Free, message.In * settings.Library.MaxRatio) - message.Out;
        _work.Clear();
        bool sound = decoder.TryWrite(body.Written, _work, most) && _work.Length <= most && (!end || decoder.IsWhole);
        message.Out += _work.Length;
        worker.Stats.Add(direction.BytesIn, body.Length);
        worker.Stats.Add(direction.BytesOut, _work.Length);
        body.Clear();
        if (!sound)
        {
            Fail();
            return BodyStatus.StopIterationNoBuffer;
        }
        body.Write(_work.Written);
        return Count() ? BodyStatus.Continue : BodyStatus.StopIterationNoBuffer;
    }

    // A window may have grown: it counts like what is in buffers.
    private bool Count()
    {
        long memory = (_request.Decoder?.MemoryBytes ?? 0) + (_response.Decoder?.MemoryBytes ?? 0);
        if (memory == _counted) return true;
        var budget = Stream.Worker.Loop.Buffers.Budget;
        budget.Take(memory - _counted);
        _counted = memory;
        if (!budget.IsSpent) return true;
        Stream.OnMemoryShort();
        return false;
    }

    // Of a request the client is to blame, of an answer the service; what has begun to go out is cut.
    private void Fail()
    {
        bool ofResponse = _response.Decoder is not null;
        Stream.SendLocalReply(ofResponse ? 502 : 400, "decompression failed"u8, "decompression_failed");
    }
}
