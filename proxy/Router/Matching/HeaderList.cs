using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;

namespace Managed.Proxy.Router.Matching;

/// <summary>Names of headers by matchers; case does not count, since names are in lower case here.</summary>
internal sealed class HeaderList
{
    private readonly StringMatch[] _matches;

    private HeaderList(StringMatch[] matches) => _matches = matches;

    /// <summary>Null when nothing is configured; <paramref name="valid"/> becomes false when errors were added.</summary>
    public static HeaderList? Build(ListStringMatcherConfig? config, ConfigErrors errors, ref bool valid)
    {
        if (config is null) return null;
        var matches = config.Patterns.Select(p => StringMatch.Of(p with
        {
            Exact = p.Exact?.ToLowerInvariant(), Prefix = p.Prefix?.ToLowerInvariant(), Suffix = p.Suffix?.ToLowerInvariant(),
            Contains = p.Contains?.ToLowerInvariant(),
        }, errors)).OfType<StringMatch>().ToArray();
        valid &= matches.Length == config.Patterns.Count;
        return new HeaderList(matches);
    }

    public bool Has(ReadOnlySpan<byte> name)
    {
        foreach (var match in _matches)
            if (match.IsMatch(name)) return true;
        return false;
    }
}
