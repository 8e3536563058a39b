using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Streams.Formatting.Operators;

/// <summary>
/// <c>START_TIME(format)</c> and its kin; without a format ISO 8601 with milliseconds. EMIT_TIME is the end of the stream, which is when
/// it is logged; before that, the time of writing.
/// </summary>
internal sealed class TimeOperator(TimeFormat format, bool emit, bool local) : FormatOperator
{
    public static FormatOperator? Create(OperatorRequest request, ConfigErrors errors, ConfigNode? at, bool emit, bool local)
    {
        string text = string.IsNullOrEmpty(request.Arguments) ? local ? "%Y-%m-%dT%H:%M:%S.%3f%Ez" : "%Y-%m-%dT%H:%M:%S.%3fZ"
            : request.Arguments;
        if (TimeFormat.Compile(text, out string? wrong) is { } format) return new TimeOperator(format, emit, local);
        errors.Error(at, ConfigCode.InvalidValue, $"%{request.Name}({text})%: {wrong} is not a time specifier",
            "strftime's, or %s %f %3f %6f %9f");
        return null;
    }

    public override bool Write(ByteWriter to, StreamInfo info)
    {
        long micros = info.StartWallClock;
        if (emit)
            micros = info.EndTime != 0 && micros != 0
                ? micros + (info.EndTime - info.StartTime)
                : (TimeProvider.System.GetUtcNow().UtcTicks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;
        if (micros == 0) return false;
        int offsetMinutes = local ? (int)TimeZoneInfo.Local.GetUtcOffset(DateTime.UnixEpoch.AddMicroseconds(micros)).TotalMinutes : 0;
        format.Write(to, micros, offsetMinutes);
        return true;
    }
}
