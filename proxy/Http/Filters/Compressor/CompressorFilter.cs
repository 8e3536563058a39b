using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Headers;
using Ascii = System.Text.Ascii;
using Encoder = Managed.Proxy.Core.Compression.Encoder;

namespace Managed.Proxy.Http.Filters.Compressor;

/// <summary>
/// Compresses a message as it goes by: each piece can be read by the peer as soon as it came. Several compressors of a chain agree on one,
/// by the weights that the client gives and by their order.
/// </summary>
internal sealed class CompressorFilter(CompressorSettings settings) : HttpFilter
{
    private readonly HeaderMap _accept = new();
    private readonly ByteWriter _work = new(0);
    private Encoder? _request, _response;
    private long _counted; // of the memory of the encoders
    private bool _off;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        var route = RouteConfig<CompressorRoute>();
        _off = route is { Disabled: true };
        if (_off) return HeadersStatus.Continue;
        if (settings.Response.IsOn)
        {
            for (int i = 0; headers.TryGetAt("accept-encoding"u8, i, out var value) && i < 8; i++)
                _accept.Add(HeaderId.AcceptEncoding, value);
            if (route?.RemovesAcceptEncoding ?? settings.RemovesAcceptEncoding) headers.Remove(HeaderId.AcceptEncoding);
        }
        if (settings.Request is not { IsOn: true } direction) return HeadersStatus.Continue;
        if (endStream || !IsCompressible(direction, headers) || Stream.Worker.Loop.Buffers.Budget.IsSpent)
        {
            Count(direction.NotCompressed);
            return HeadersStatus.Continue;
        }
        headers.Remove(HeaderId.ContentLength);
        _request = Begin(direction, headers);
        return HeadersStatus.Continue;
    }

    public override BodyStatus OnRequestBody(ByteWriter body, bool endStream)
    {
        if (_request is { } encoder) Compress(encoder, settings.Request!, body, endStream);
        return BodyStatus.Continue;
    }

    public override TrailersStatus OnRequestTrailers(HeaderMap trailers)
    {
        if (_request is { } encoder) Compress(encoder, settings.Request!, Stream.WritableBody(this, response: false), end: true);
        return TrailersStatus.Continue;
    }

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        var direction = settings.Response;
        if (_off || !direction.IsOn) return HeadersStatus.Continue;
        bool compressible = MayCompress(headers);
        if (endStream || !compressible || !IsChosen() || Stream.Worker.Loop.Buffers.Budget.IsSpent) Count(direction.NotCompressed);
        else
        {
            SetEtag(headers);
            headers.Remove(HeaderId.ContentLength);
            headers.Remove("accept-ranges"u8);
            _response = Begin(direction, headers);
        }
        // Whoever keeps the answer has to know that another client may get another one.
        if (compressible) AddVary(headers);
        return HeadersStatus.Continue;
    }

    public override BodyStatus OnResponseBody(ByteWriter body, bool endStream)
    {
        if (_response is { } encoder) Compress(encoder, settings.Response, body, endStream);
        return BodyStatus.Continue;
    }

    public override TrailersStatus OnResponseTrailers(HeaderMap trailers)
    {
        if (_response is { } encoder) Compress(encoder, settings.Response, Stream.WritableBody(this, response: true), end: true);
        return TrailersStatus.Continue;
    }

    public override void OnDestroy()
    {
        var worker = Stream.Worker;
        if (_request is { } request) settings.Library.Pool.Return(request, worker.Id);
        if (_response is { } response) settings.Library.Pool.Return(response, worker.Id);
        worker.Loop.Buffers.Budget.Take(-_counted);
        _request = _response = null;
        _counted = 0;
        _off = false;
        _accept.Clear();
        _work.Release(keep: 64 * 1024);
    }

    private bool MayCompress(HeaderMap headers)
    {
        var direction = settings.Response;
        int status = (int)FieldSyntax.ParseLength(headers.Get(HeaderId.Status));
        if (status < 200 || !settings.MayCompress(status) || headers.Has(HeaderId.Upgrade)) return false;
        if (!IsCompressible(direction, headers)) return false;
        if (!settings.StopsAtEtag || !headers.Has(HeaderId.Etag)) return true;
        Count(settings.Etag);
        return false;
    }

    private bool IsCompressible(CompressorDirection direction, HeaderMap headers)
    {
        if (headers.Has(HeaderId.ContentEncoding) || !direction.IsType(headers)) return false;
        for (int i = 0; headers.TryGetAt("cache-control"u8, i, out var list) && i < 8; i++)
            while (FieldSyntax.NextMember(ref list, out var member))
                if (Ascii.EqualsIgnoreCase(member, "no-transform"u8)) return false;
        if (direction.IsLongEnough(headers)) return true;
        Count(direction.TooSmall);
        return false;
    }

    // Of the compressors that may, the one with the highest weight; of several the one that is to be first, or stands first.
    private bool IsChosen()
    {
        if (!_accept.Has(HeaderId.AcceptEncoding))
        {
            Count(settings.NoAcceptHeader);
            return false;
        }
        int own = AcceptEncoding.WeightOf(_accept, settings.Library.Coding, out bool wildcard);
        int identity = AcceptEncoding.WeightOf(_accept, "identity"u8, out bool meant);
        if (own <= 0)
        {
            Count(identity > 0 && !meant ? settings.Identity : own == 0 ? settings.NotValid : settings.Overshadowed);
            return false;
        }
        if (!meant && identity > own)
        {
            Count(settings.Identity);
            return false;
        }
        foreach (var filter in Stream.Filters)
        {
            if (filter is not CompressorFilter other || ReferenceEquals(other, this)) continue;
            if (other._off || !other.Settings.Response.IsOn) continue;
            int weight = AcceptEncoding.WeightOf(_accept, other.Settings.Library.Coding, out _);
            bool goesFirst = other.Settings.ChooseFirst == settings.ChooseFirst
                ? settings.ChooseFirst ? other.Index > Index : other.Index < Index : other.Settings.ChooseFirst;
            if (weight < own || (weight == own && !goesFirst) || !other.Settings.Response.IsType(Stream.ResponseHeaders)) continue;
            Count(settings.Overshadowed);
            return false;
        }
        Count(wildcard ? settings.Wildcard : settings.Used);
        return true;
    }

    private CompressorSettings Settings => settings;

    private Encoder Begin(CompressorDirection direction, HeaderMap headers)
    {
        Count(direction.Compressed);
        headers.Set(HeaderId.ContentEncoding, settings.Library.Coding);
        return settings.Library.Pool.Rent(Stream.Worker.Id);
    }

    private void Compress(Encoder encoder, CompressorDirection direction, ByteWriter body, bool end)
    {
        if (body.Length == 0 && !end) return;
        var worker = Stream.Worker;
        _work.Clear();
        encoder.Write(body.Written, _work, end);
        worker.Stats.Add(direction.BytesIn, body.Length);
        worker.Stats.Add(direction.BytesOut, _work.Length);
        body.Clear();
        body.Write(_work.Written);
        long memory = (_request?.MemoryBytes ?? 0) + (_response?.MemoryBytes ?? 0);
        if (memory == _counted) return;
        worker.Loop.Buffers.Budget.Take(memory - _counted);
        _counted = memory;
    }

    // The bytes are others, so what names them byte by byte does not any more (RFC 9110 section 8.8.3.3).
    private void SetEtag(HeaderMap headers)
    {
        var etag = headers.Get(HeaderId.Etag);
        if (etag.IsEmpty || etag.StartsWith("W/"u8) || etag.StartsWith("w/"u8)) return;
        if (!settings.WeakensEtag)
        {
            headers.Remove(HeaderId.Etag);
            return;
        }
        _work.Clear();
        _work.Write("W/"u8);
        _work.Write(etag);
        headers.Set(HeaderId.Etag, _work.Written);
    }

    private static void AddVary(HeaderMap headers)
    {
        for (int i = 0; headers.TryGetAt("vary"u8, i, out var list) && i < 8; i++)
            while (FieldSyntax.NextMember(ref list, out var member))
                if (member.SequenceEqual("*"u8) || Ascii.EqualsIgnoreCase(member, "accept-encoding"u8)) return;
        headers.Add(HeaderId.Vary, "Accept-Encoding"u8);
    }

    private void Count(Counter counter) => Stream.Worker.Stats.Increment(counter);
}
