using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Http.Codecs.Http1;

/// <summary>
/// Feeds the lines of a head, as they become complete, to a parser: bytes that arrive one at a time cost no second look at earlier
/// lines. Lines end in CRLF and nothing else: a bare LF is an error (RFC 9112 section 2.2 lets a recipient take it; two recipients that
/// differ in that are how requests get smuggled).
/// </summary>
internal abstract class HeadReader
{
    private int _scanned; // of the line that is not complete
    protected int Lines { get; private set; }
    protected int TotalBytes { get; private set; }

    /// <summary>Status to answer with, and Envoy's response code details, once <see cref="HeadResult.Error"/> came.</summary>
    public int ErrorStatus { get; protected set; }
    public string ErrorDetails { get; protected set; } = "";
    public int MaxBytes { get; set; } = 60 * 1024;
    public int MaxFields { get; set; } = 100;
    public int HeadBytes => TotalBytes;

    protected abstract bool OnStartLine(Span<byte> line);
    protected abstract bool OnField(Span<byte> line);
    protected abstract bool OnEnd();

    protected void Restart()
    {
        _scanned = 0;
        Lines = 0;
        TotalBytes = 0;
        ErrorStatus = 0;
        ErrorDetails = "";
    }

    protected bool Fail(int status, string details)
    {
        ErrorStatus = status;
        ErrorDetails = details;
        return false;
    }

    public HeadResult Read(InputBuffer input)
    {
        while (true)
        {
            var data = input.Unread;
            int lf = data[_scanned..].IndexOf((byte)'\n');
            if (lf < 0)
            {
                _scanned = data.Length;
                if (TotalBytes + data.Length > MaxBytes) return TooLarge();
                // What cannot be HTTP need not wait for its end of line.
                if (Lines == 0 && data.Length > 0 && !CouldStart(data)) { Fail(400, "http1.codec_error"); return HeadResult.Error; }
                return HeadResult.NeedMore;
            }
            int length = _scanned + lf + 1;
            _scanned = 0;
            if (TotalBytes + length > MaxBytes) return TooLarge();
            TotalBytes += length;
            if (length < 2 || data[length - 2] != '\r') { Fail(400, "http1.bare_lf"); return HeadResult.Error; }
            var line = data[..(length - 2)];
            if (line.IsEmpty)
            {
                if (Lines == 0)
                {
                    // RFC 9112 section 2.2: at least one empty line before the request line is to be ignored; a flood is not.
                    input.Consume(length);
                    if (!IgnoresLeadingEmptyLines || TotalBytes > 8) { Fail(400, "http1.codec_error"); return HeadResult.Error; }
                    continue;
                }
                bool ended = OnEnd();
                input.Consume(length);
                return ended ? HeadResult.Done : HeadResult.Error;
            }
            bool good;
            if (Lines == 0) good = OnStartLine(line);
            else if (Lines > MaxFields) good = Fail(431, "http1.too_many_headers");
            else good = OnField(line);
            if (!good) return HeadResult.Error;
            Lines++;
            input.Consume(length);
        }
    }

    protected virtual bool IgnoresLeadingEmptyLines => false;
    protected abstract bool CouldStart(ReadOnlySpan<byte> beginning);

    private HeadResult TooLarge()
    {
        if (Lines == 0) Fail(414, "http1.request_line_too_large"); else Fail(431, "http1.headers_too_large");
        return HeadResult.Error;
    }
}
