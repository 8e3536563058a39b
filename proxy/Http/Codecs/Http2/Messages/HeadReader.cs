using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Codecs.Http2.Hpack;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http2.Messages;

/// <summary>
/// Header blocks into header maps, in the form that HTTP/1 heads have there: <c>:authority</c> and no Host, one Cookie, no field that
/// belongs to a connection. What could be read as another message by the next server, HTTP/1 or not, is not let in (RFC 9113 sections 8.2,
/// 8.3 and 10.3). One for a connection; its blocks are read one after another, each to its end whatever is wrong with it.
/// </summary>
internal abstract class HeadReader(HpackDecoder decoder, BufferPool pool)
{
    private readonly ByteWriter _cookie = new(pool);
    private long _size;
    private int _count;
    private bool _regular, _secretCookie;
    private MessageVerdict _verdict;

    protected HeaderMap Headers { get; private set; } = null!;
    /// <summary>Bit of each pseudo-header that has come, by its <see cref="HeaderId"/>.</summary>
    protected int Pseudo { get; private set; }

    /// <summary>Names, values and 32 for each field (RFC 9113 section 10.5.1), in bytes.</summary>
    public int MaxBytes { get; init; } = 60 * 1024;
    public int MaxFields { get; init; } = 100;

    /// <summary>Status to answer with when it was refused.</summary>
    public int ErrorStatus { get; private set; }
    /// <summary>Envoy's response code details of what is not good.</summary>
    public string ErrorDetails { get; private set; } = "";
    /// <summary>-1: none was said.</summary>
    public long ContentLength { get; private set; }
    /// <summary>As counted for <see cref="MaxBytes"/>.</summary>
    public long HeadBytes => _size;

    /// <summary>The block of a head.</summary>
    /// <param name="block">All of it.</param>
    /// <param name="to">Is cleared before.</param>
    /// <param name="ended">No body follows.</param>
    public MessageVerdict Read(ReadOnlySpan<byte> block, HeaderMap to, bool ended)
    {
        Begin(to);
        OnBegin();
        bool decoded = ReadFields(block, trailers: false);
        if (_cookie.Length > 0)
        {
            Headers.Add(HeaderId.Cookie, _cookie.Written);
            if (_secretCookie) Headers.MarkNeverIndexed(); // one piece is enough
        }
        _cookie.Release();
        if (!decoded) return MessageVerdict.Broken;
        if (_verdict == MessageVerdict.Good) OnEnd(ended);
        return _verdict;
    }

    /// <summary>
    /// The block behind a body. What may not stand in trailers is left out (RFC 9110 section 6.5.1); a pseudo-header makes it malformed.
    /// </summary>
    public MessageVerdict ReadTrailers(ReadOnlySpan<byte> block, HeaderMap to)
    {
        Begin(to);
        return ReadFields(block, trailers: true) ? _verdict : MessageVerdict.Broken;
    }

    /// <summary>Reads a block that nobody wants, for the sake of those after it. False: it cannot be decoded.</summary>
    public bool Skip(ReadOnlySpan<byte> block)
    {
        int at = 0;
        decoder.Begin();
        HpackResult result;
        while ((result = decoder.Next(block, ref at, out _)) == HpackResult.Field)
        {
        }
        return result == HpackResult.End;
    }

    protected virtual void OnBegin() { }
    /// <summary>A pseudo-header that has not come before; false makes the message malformed.</summary>
    protected abstract bool OnPseudo(HeaderId id, ReadOnlySpan<byte> value);
    /// <summary>A field that has rules of its own; false when it is not to be added, or was not right (<see cref="Fail"/>).</summary>
    protected abstract bool OnField(HeaderId id, ReadOnlySpan<byte> value);
    /// <summary>False, after <see cref="Fail"/> or <see cref="Refuse"/>, when the head is not whole.</summary>
    protected abstract bool OnEnd(bool ended);

    protected bool Fail(string details)
    {
        if (_verdict != MessageVerdict.Malformed) (_verdict, ErrorDetails) = (MessageVerdict.Malformed, details);
        return false;
    }

    protected bool Refuse(int status, string details)
    {
        if (_verdict == MessageVerdict.Good) (_verdict, ErrorStatus, ErrorDetails) = (MessageVerdict.Refused, status, details);
        return false;
    }

    private void Begin(HeaderMap to)
    {
        to.Clear();
        Headers = to;
        _size = _count = 0;
        _regular = _secretCookie = false;
        _verdict = MessageVerdict.Good;
        Pseudo = 0;
        ErrorStatus = 0;
        ErrorDetails = "";
        ContentLength = -1;
        decoder.Begin();
    }

    private bool ReadFields(ReadOnlySpan<byte> block, bool trailers)
    {
        int at = 0;
        HpackResult result;
        while ((result = decoder.Next(block, ref at, out var field)) == HpackResult.Field)
        {
            // What is wrong already costs no more than what the tables need: a byte may name kilobytes of them.
            if (_verdict == MessageVerdict.Malformed || _size > MaxBytes) continue;
            _size += field.Name.Length + field.Value.Length + DynamicTable.Overhead;
            _count++;
            if (_size > MaxBytes) Refuse(431, "http2.headers_too_large");
            else if (_count > MaxFields) Refuse(431, "http2.too_many_headers");
            if (!field.IsGood) Fail("http2.invalid.header.field");
            else if (field.Name[0] == ':') OnPseudo(field, trailers);
            else if (trailers) OnTrailer(field);
            else OnRegular(field);
        }
        if (result == HpackResult.End) return true;
        ErrorDetails = "http2.compression_error";
        return false;
    }

    private void OnPseudo(in HpackField field, bool trailers)
    {
        int bit = 1 << (int)field.Id;
        if (trailers || _regular || field.Id == HeaderId.Unknown || (Pseudo & bit) != 0)
            { Fail("http2.violation.of.messaging.rule"); return; }
        Pseudo |= bit;
        if (_verdict == MessageVerdict.Refused) return;
        if (!OnPseudo(field.Id, field.Value)) Fail("http2.violation.of.messaging.rule");
        else if (_verdict == MessageVerdict.Good) Headers.Add(field.Id, field.Value);
    }

    private void OnRegular(in HpackField field)
    {
        _regular = true;
        bool adds = true;
        switch (field.Id)
        {
            case HeaderId.Unknown:
                if (FieldSyntax.LooksLikeFraming(field.Name)) { Fail("http2.framing_lookalike"); return; }
                if (_verdict == MessageVerdict.Good) Add(field);
                return;
            // Section 8.2.2: they belong to a connection of HTTP/1.
            case HeaderId.Connection or HeaderId.KeepAlive or HeaderId.ProxyConnection or HeaderId.TransferEncoding or HeaderId.Upgrade:
                Fail("http2.violation.of.messaging.rule");
                return;
            case HeaderId.Http2Settings:
                return;
            case HeaderId.ContentLength:
                adds = OnContentLength(field.Value);
                break;
            default:
                _secretCookie |= field.NeverIndexed && field.Id == HeaderId.Cookie;
                adds = OnField(field.Id, field.Value);
                break;
        }
        if (adds && _verdict == MessageVerdict.Good) Add(field);
    }

    private void Add(in HpackField field)
    {
        if (field.Id == HeaderId.Unknown) Headers.Add(field.Name, field.Value); else Headers.Add(field.Id, field.Value);
        if (field.NeverIndexed) Headers.MarkNeverIndexed();
    }

    private bool OnContentLength(ReadOnlySpan<byte> value)
    {
        if (ContentLength >= 0) return Fail("http2.multiple_content_length");
        ContentLength = FieldSyntax.ParseLength(value);
        return ContentLength >= 0 || Fail("http2.invalid_content_length");
    }

    private void OnTrailer(in HpackField field)
    {
        if (_verdict != MessageVerdict.Good) return;
        if (field.Id == HeaderId.Unknown)
        {
            if (!ProxyFields.AreOurs(field.Name) && !FieldSyntax.LooksLikeFraming(field.Name)) Headers.Add(field.Name, field.Value);
        }
        else if (field.Id is HeaderId.GrpcStatus or HeaderId.GrpcMessage or HeaderId.Etag or HeaderId.Date or HeaderId.Server)
            Headers.Add(field.Id, field.Value);
    }

    /// <summary>Section 8.2.3: pieces of a Cookie are one again for whoever does not speak HTTP/2.</summary>
    protected bool AddCookie(ReadOnlySpan<byte> piece)
    {
        if (_verdict != MessageVerdict.Good || piece.IsEmpty) return false;
        if (_cookie.Length > 0) _cookie.Write("; "u8);
        _cookie.Write(piece);
        return false;
    }
}
