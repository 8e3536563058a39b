using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Streams.Formatting.Operators;

/// <summary>One compiled operator such as <c>%RESPONSE_CODE%</c>. Immutable, shared by all workers.</summary>
internal abstract class FormatOperator
{
    /// <summary>Appends the value as it is; false with nothing appended when the value is unset.</summary>
    public abstract bool Write(ByteWriter to, StreamInfo info);

    /// <summary>Whether <see cref="Write"/> gives JSON already (a number): typed JSON then takes it without quotes.</summary>
    public virtual bool IsJson => false;

    /// <summary>Appends the value as JSON; false with nothing appended when unset.</summary>
    public virtual bool WriteJson(ByteWriter to, StreamInfo info)
    {
        if (IsJson) return Write(to, info);
        int mark = to.Length;
        to.Write((byte)'"');
        if (!Write(to, info)) { to.Truncate(mark); return false; }
        FormatEscape.Json(to, mark + 1);
        to.Write((byte)'"');
        return true;
    }
}

/// <summary>A whole number; null is unset.</summary>
internal sealed class NumberOperator(Func<StreamInfo, long?> read) : FormatOperator
{
    public override bool IsJson => true;

    public override bool Write(ByteWriter to, StreamInfo info)
    {
        if (read(info) is not { } value) return false;
        to.Write(value);
        return true;
    }
}

/// <summary>A text that the stream info holds as a string; null or empty is unset.</summary>
internal sealed class TextOperator(Func<StreamInfo, string?> read) : FormatOperator
{
    public override bool Write(ByteWriter to, StreamInfo info)
    {
        string? text = read(info);
        if (string.IsNullOrEmpty(text)) return false;
        to.Write(text);
        return true;
    }
}

/// <summary>A value known when the template is compiled.</summary>
internal sealed class ConstantOperator(byte[] value) : FormatOperator
{
    public override bool Write(ByteWriter to, StreamInfo info)
    {
        if (value.Length == 0) return false;
        to.Write(value);
        return true;
    }
}
