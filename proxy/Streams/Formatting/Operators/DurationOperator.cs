using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Streams.Formatting.Operators;

/// <summary><c>COMMON_DURATION(START:END:PRECISION)</c>: time between two points of the stream in ms, us or ns.</summary>
internal sealed class DurationOperator(Func<StreamInfo, long> from, Func<StreamInfo, long> to, string precision) : FormatOperator
{
    private static readonly Dictionary<string, Func<StreamInfo, long>> Points = new()
    {
        ["DS_RX_BEG"] = i => i.StartTime,
        ["DS_RX_END"] = i => i.RequestEnd,
        ["US_TX_BEG"] = i => i.UpstreamStart,
        ["US_RX_BEG"] = i => i.UpstreamFirstByte,
        ["DS_TX_BEG"] = i => i.ResponseStart,
        ["DS_TX_END"] = i => i.EndTime,
    };

    public override bool IsJson => true;

    public static FormatOperator? Create(OperatorRequest request, ConfigErrors errors, ConfigNode? at)
    {
        if (request.Arguments!.Split(':') is [var start, var end, "ms" or "us" or "ns"] parts && Points.TryGetValue(start, out var from)
            && Points.TryGetValue(end, out var to))
            return new DurationOperator(from, to, parts[2]);
        errors.Error(at, ConfigCode.InvalidValue, $"%COMMON_DURATION({request.Arguments})% needs START:END:ms, us or ns",
            "points are " + string.Join(", ", Points.Keys));
        return null;
    }

    public override bool Write(ByteWriter writer, StreamInfo info)
    {
        long start = from(info), end = to(info);
        if (start == 0 || end == 0 || end < start) return false;
        long micros = end - start;
        writer.Write(precision switch { "ms" => micros / 1000, "us" => micros, _ => micros * 1000 });
        return true;
    }
}
