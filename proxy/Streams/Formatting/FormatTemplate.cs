using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Streams.Formatting.Operators;

namespace Managed.Proxy.Streams.Formatting;

/// <summary>
/// An Envoy substitution format string, compiled once: literals and operators in order. Immutable; writing allocates nothing unless
/// an operator's value is an object that can only be turned into text (dynamic metadata, filter state).
/// </summary>
public sealed class FormatTemplate
{
    private readonly FormatSegment[] _segments;
    private readonly FormatUse _use;
    private readonly bool _omitEmpty;

    private FormatTemplate(FormatSegment[] segments, FormatUse use, bool omitEmpty)
    {
        _segments = segments;
        _use = use;
        _omitEmpty = omitEmpty || use == FormatUse.Header;
    }

    /// <summary>The output when it is the same for every request, else null.</summary>
    public byte[]? Literal => _segments.Length switch
    {
        0 => [],
        1 => _segments[0].Literal,
        _ => null,
    };

    /// <summary>The single operator the text consists of, if that is all there is.</summary>
    internal FormatSegment? Single => _segments is [{ Operator: not null } only] ? only : null;

    /// <summary>For header and query values: unset operators write nothing. Null when errors were added.</summary>
    public static FormatTemplate? Compile(string text, ConfigErrors errors, ConfigNode? at)
        => Compile(text, errors, at, FormatUse.Header, omitEmpty: true);

    /// <param name="text">The format.</param>
    /// <param name="errors">Gets INVALID_VALUE for a broken format, UNSUPPORTED_FIELD for an operator that is not available.</param>
    /// <param name="at">The node of the text.</param>
    /// <param name="use">Decides on escaping.</param>
    /// <param name="omitEmpty">Writes nothing for unset values instead of <c>-</c>.</param>
    public static FormatTemplate? Compile(string text, ConfigErrors errors, ConfigNode? at, FormatUse use, bool omitEmpty = false)
        => FormatParser.Parse(text, errors, at, use) is { } segments ? new FormatTemplate(segments, use, omitEmpty) : null;

    /// <summary>A template that always writes this text.</summary>
    public static FormatTemplate FromLiteral(string text) => new([new FormatSegment(Encoding.UTF8.GetBytes(text))], FormatUse.Body, true);

    public void Write(ByteWriter to, StreamInfo info) => Write(to, info, escape: _use == FormatUse.Log);

    /// <summary>Without escaping: the caller escapes the whole by its own rules.</summary>
    internal void WriteRaw(ByteWriter to, StreamInfo info) => Write(to, info, escape: false);

    private void Write(ByteWriter to, StreamInfo info, bool escape)
    {
        foreach (ref readonly var segment in _segments.AsSpan())
        {
            if (segment.Literal is { } literal) { to.Write(literal); continue; }
            int mark = to.Length;
            if (!segment.Write(to, info))
            {
                if (!_omitEmpty) to.Write((byte)'-');
            }
            else if (escape) FormatEscape.Line(to, mark);
        }
    }
}

/// <summary>A literal, or an operator with the most bytes of its value that are written (0: all).</summary>
internal readonly struct FormatSegment
{
    public readonly byte[]? Literal;
    public readonly FormatOperator? Operator;
    public readonly int MaxLength;

    public FormatSegment(byte[] literal) => Literal = literal;

    public FormatSegment(FormatOperator op, int maxLength)
    {
        Operator = op;
        MaxLength = maxLength;
    }

    public bool Write(ByteWriter to, StreamInfo info)
    {
        int mark = to.Length;
        if (!Operator!.Write(to, info)) return false;
        if (MaxLength > 0 && to.Length - mark > MaxLength) to.Truncate(mark + MaxLength);
        return true;
    }

    /// <summary>The value as JSON; <c>null</c> when unset.</summary>
    public bool WriteJson(ByteWriter to, StreamInfo info)
    {
        if (MaxLength == 0 || Operator!.IsJson) return Operator!.WriteJson(to, info);
        int mark = to.Length;
        to.Write((byte)'"');
        if (!Write(to, info)) { to.Truncate(mark); return false; }
        FormatEscape.Json(to, mark + 1);
        to.Write((byte)'"');
        return true;
    }
}
