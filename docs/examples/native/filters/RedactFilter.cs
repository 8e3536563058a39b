using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Filters;

namespace ExampleFilters;

public sealed record RedactConfiguration : FilterConfiguration
{
    [ByteSize, Range(1, 16 << 20), Description("Responses whose body is longer go by as they are.")]
    public long MaxBody { get; init; } = 1 << 20;

    [Description("What stands in the place of a digit.")]
    public RedactMark Mark { get; init; }
}

public enum RedactMark { Star, Hash }

/// <summary>HTTP: in text and JSON bodies of responses, numbers of 13 to 19 digits (cards) keep their last four.</summary>
public sealed class RedactPlugin : HttpFilterPlugin<RedactConfiguration>
{
    internal FilterCounter Redacted { get; private set; }

    protected override void OnStart() => Redacted = Context.Counter("numbers_redacted");

    protected override HttpFilter CreateFilter() => new Redact(this);
}

internal sealed class Redact(RedactPlugin plugin) : HttpFilter
{
    private readonly MemoryStream _body = new(); // of a response that is read whole
    private bool _reads;

    protected override HeadersStatus OnResponseHeaders(Headers headers, bool endStream)
    {
        _reads = !endStream && headers.TryGet("content-type"u8, out var type)
            && (type.StartsWith("text/"u8) || type.StartsWith("application/json"u8)) && !headers.TryGet("content-encoding"u8, out _);
        return HeadersStatus.Continue;
    }

    // A number may be cut by the border of two pieces, so the body is taken whole. Its length stays the same.
    protected override BodyStatus OnResponseBody(FilterBuffer body, bool endStream)
    {
        if (!_reads) return BodyStatus.Continue;
        _body.Write(body.Written);
        body.Clear();
        if (!endStream && _body.Length <= plugin.Configuration.MaxBody) return BodyStatus.StopIterationNoBuffer;
        if (endStream) Mark(_body.GetBuffer().AsSpan(0, (int)_body.Length));
        body.Write(_body.GetBuffer().AsSpan(0, (int)_body.Length));
        _body.SetLength(0);
        _reads = false;
        return BodyStatus.Continue;
    }

    protected override bool TryReset()
    {
        _reads = false;
        _body.SetLength(0);
        if (_body.Capacity > 64 << 10) _body.Capacity = 0;
        return true;
    }

    private void Mark(Span<byte> text)
    {
        byte mark = plugin.Configuration.Mark == RedactMark.Star ? (byte)'*' : (byte)'#';
        for (int i = 0; i < text.Length; i++)
        {
            int n = 0;
            while (i + n < text.Length && char.IsAsciiDigit((char)text[i + n])) n++;
            if (n is >= 13 and <= 19)
            {
                text.Slice(i, n - 4).Fill(mark);
                Count(plugin.Redacted);
            }
            i += n;
        }
    }
}
