using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Router.Matching;

/// <summary>
/// A compiled QueryParameterMatcher. Name and value compare as they stand in the target, undecoded, as in Envoy; the first of a name
/// counts.
/// </summary>
internal sealed class QueryMatch(byte[] name, StringMatch? value, bool present)
{
    public static QueryMatch? Compile(QueryParameterMatcherConfig config, ConfigErrors errors)
    {
        var name = Encoding.UTF8.GetBytes(config.Name);
        if (config.StringMatch is null) return new QueryMatch(name, null, config.PresentMatch ?? true);
        return StringMatch.Of(config.StringMatch, errors) is { } match ? new QueryMatch(name, match, true) : null;
    }

    public bool IsMatch(ReadOnlySpan<byte> target, ref MatchWork work)
    {
        bool found = QueryString.TryFind(target, name, out var text);
        return value is null ? found == present : found && value.IsMatch(text, ref work);
    }

    /// <summary>One parameter, <c>name=value</c>, is what this asks for.</summary>
    public bool IsOf(ReadOnlySpan<byte> piece, ref MatchWork work)
        => QueryString.NameOf(piece, out var text).SequenceEqual(name) && (value?.IsMatch(text, ref work) ?? present);

    public override string ToString()
        => $"query parameter {Encoding.UTF8.GetString(name)} {value?.ToString() ?? (present ? "present" : "absent")}";
}
