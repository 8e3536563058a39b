using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams.Formatting.Operators;

namespace Managed.Proxy.Streams.AccessLog;

/// <summary>Which requests are logged, or which local replies a mapper is for. Immutable; allocates nothing.</summary>
internal abstract class AccessLogFilter
{
    public abstract bool Passes(StreamInfo info);

    /// <summary>Null when errors were added or the binder has reported some.</summary>
    public static AccessLogFilter? Compile(AccessLogFilterConfig config, ConfigErrors errors)
    {
        switch (config)
        {
            case { NotHealthCheckFilter: not null }: return new NoHealthCheck();
            case { StatusCodeFilter.Comparison: { Value: { } value } status }:
                return new Comparison(status.Op, value.DefaultValue, i => i.ResponseCode);
            case { DurationFilter.Comparison: { Value: { } value } duration }:
                return new Comparison(duration.Op, value.DefaultValue, i => i.EndTime == 0 ? 0 : (i.EndTime - i.StartTime) / 1000);
            case { AndFilter: { } and }: return CompileAll(and, errors) is { } all ? new All(all) : null;
            case { OrFilter: { } or }: return CompileAll(or, errors) is { } any ? new Any(any) : null;
            case { HeaderFilter.Header: { } header }: return HeaderMatch.Compile(header, errors) is { } match ? new Header(match) : null;
            case { ResponseFlagFilter: { } flags }: return CompileFlags(flags, errors);
            default: return null;
        }
    }

    private static AccessLogFilter[]? CompileAll(AccessLogFilterListConfig config, ConfigErrors errors)
    {
        var filters = config.Filters.Select(f => Compile(f, errors)).OfType<AccessLogFilter>().ToArray();
        return filters.Length == config.Filters.Count ? filters : null;
    }

    private static Flags? CompileFlags(ResponseFlagFilterConfig config, ConfigErrors errors)
    {
        var mask = ResponseFlags.None;
        bool valid = true;
        for (int i = 0; i < config.Flags.Count; i++)
        {
            if (ResponseFlagNames.Find(config.Flags[i]) is { } flag) { mask |= flag; continue; }
            var at = Place.Of(config, "flags") is ConfigArray list && i < list.Count ? list[i] : config.Node;
            errors.Error(at, ConfigCode.InvalidValue, $"'{config.Flags[i]}' is not a response flag of this version",
                "known are " + string.Join(", ", ResponseFlagNames.All));
            valid = false;
        }
        return valid ? new Flags(mask == ResponseFlags.None ? (ResponseFlags)uint.MaxValue : mask) : null;
    }

    private sealed class NoHealthCheck : AccessLogFilter
    {
        public override bool Passes(StreamInfo info) => !info.IsHealthCheck;
    }

    private sealed class Comparison(ComparisonOperator op, long operand, Func<StreamInfo, long> read) : AccessLogFilter
    {
        public override bool Passes(StreamInfo info)
        {
            long value = read(info);
            return op switch
            {
                ComparisonOperator.Eq => value == operand,
                ComparisonOperator.Ge => value >= operand,
                ComparisonOperator.Le => value <= operand,
                _ => value != operand,
            };
        }
    }

    private sealed class All(AccessLogFilter[] filters) : AccessLogFilter
    {
        public override bool Passes(StreamInfo info)
        {
            foreach (var filter in filters)
                if (!filter.Passes(info)) return false;
            return true;
        }
    }

    private sealed class Any(AccessLogFilter[] filters) : AccessLogFilter
    {
        public override bool Passes(StreamInfo info)
        {
            foreach (var filter in filters)
                if (filter.Passes(info)) return true;
            return false;
        }
    }

    private sealed class Header(HeaderMatch match) : AccessLogFilter
    {
        public override bool Passes(StreamInfo info) => info.RequestHeaders is { } headers && match.IsMatch(headers);
    }

    private sealed class Flags(ResponseFlags mask) : AccessLogFilter
    {
        public override bool Passes(StreamInfo info) => (info.Flags & mask) != 0;
    }
}
