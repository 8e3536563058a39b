using System.Globalization;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;

namespace Managed.Proxy.Router.Matching;

/// <summary>
/// A compiled ValueMatcher: a test of a value of dynamic metadata (text, number, truth, null, list, object) or of metadata that a document
/// gives (<see cref="ConfigNode"/>).
/// </summary>
internal abstract class ValueMatch
{
    /// <param name="value">Null for a value that is null, and for one that is absent.</param>
    /// <param name="present">It is there.</param>
    /// <param name="work">Given up when an expression cannot be asked.</param>
    public abstract bool IsMatch(object? value, bool present, ref MatchWork work);

    /// <summary>Null with errors added, or null alone when the binder has reported that nothing is given.</summary>
    public static ValueMatch? Compile(ValueMatcherConfig config, ConfigErrors errors)
    {
        switch (config)
        {
            case { NullMatch: not null }: return new NullValue();
            case { BoolMatch: { } wanted }: return new BoolValue(wanted);
            case { PresentMatch: { } wanted }: return new PresentValue(wanted);
            case { DoubleMatch: { Exact: { } number } }: return new NumberValue(number, number, exact: true);
            case { DoubleMatch.Range: { } range }: return new NumberValue(range.Start, range.End, exact: false);
            case { StringMatch: { } text }: return StringMatch.Of(text, errors) is { } match ? new TextValue(match) : null;
            case { ListMatch.OneOf: { } item }: return Compile(item, errors) is { } inner ? new ListValue(inner) : null;
            case { OrMatch: { } any }:
                var all = any.ValueMatchers.Select(m => Compile(m, errors)).OfType<ValueMatch>().ToArray();
                return all.Length == any.ValueMatchers.Count ? new AnyValue(all) : null;
            default: return null;
        }
    }

    /// <summary>A value of a document as a value of metadata would be; lists and objects stay what they are.</summary>
    protected static object? Plain(object? value) => value is ConfigScalar scalar ? ConfigPlain.Of(scalar) : value;

    private sealed class NullValue : ValueMatch
    {
        public override bool IsMatch(object? value, bool present, ref MatchWork work) => present && Plain(value) is null;
    }

    private sealed class BoolValue(bool wanted) : ValueMatch
    {
        public override bool IsMatch(object? value, bool present, ref MatchWork work) => Plain(value) is bool is_ && is_ == wanted;
    }

    private sealed class PresentValue(bool wanted) : ValueMatch
    {
        public override bool IsMatch(object? value, bool present, ref MatchWork work)
            => present ? wanted && Plain(value) is null or bool or string or double or float or int or long or uint or ulong : !wanted;
    }

    private sealed class NumberValue(double start, double end, bool exact) : ValueMatch
    {
        public override bool IsMatch(object? value, bool present, ref MatchWork work)
        {
            if (Plain(value) is not IConvertible number || number is string or bool) return false;
            double is_ = number.ToDouble(CultureInfo.InvariantCulture);
            return exact ? is_ == start : is_ >= start && is_ < end;
        }
    }

    private sealed class TextValue(StringMatch match) : ValueMatch
    {
        public override bool IsMatch(object? value, bool present, ref MatchWork work)
            => Plain(value) is string text && match.IsMatch(text, ref work);
    }

    private sealed class ListValue(ValueMatch item) : ValueMatch
    {
        public override bool IsMatch(object? value, bool present, ref MatchWork work)
        {
            if (value is IReadOnlyList<object?> list)
            {
                for (int i = 0; i < list.Count; i++)
                    if (item.IsMatch(list[i], true, ref work)) return true;
            }
            else if (value is ConfigArray array)
            {
                for (int i = 0; i < array.Count; i++)
                    if (item.IsMatch(array[i], true, ref work)) return true;
            }
            return false;
        }
    }

    private sealed class AnyValue(ValueMatch[] all) : ValueMatch
    {
        public override bool IsMatch(object? value, bool present, ref MatchWork work)
        {
            foreach (var match in all)
                if (match.IsMatch(value, present, ref work)) return true;
            return false;
        }
    }
}
