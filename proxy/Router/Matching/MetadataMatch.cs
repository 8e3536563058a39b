using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;

namespace Managed.Proxy.Router.Matching;

/// <summary>A compiled MetadataMatcher: namespace, keys and the test of the value they lead to.</summary>
internal sealed class MetadataMatch
{
    private readonly string _space;
    private readonly string[] _path;
    private readonly ValueMatch _value;
    private readonly bool _invert;

    private MetadataMatch(MetadataMatcherConfig config, ValueMatch value)
    {
        _space = config.Filter;
        _path = [.. config.Path.Select(p => p.Key!)];
        _value = value;
        _invert = config.Invert;
    }

    /// <summary>Null when something of it is wrong, with errors added.</summary>
    public static MetadataMatch? Compile(MetadataMatcherConfig config, ConfigErrors errors)
        => config.Value is { } value && ValueMatch.Compile(value, errors) is { } match ? new MetadataMatch(config, match) : null;

    /// <summary>Tests what filters wrote into the stream.</summary>
    public bool IsMatch(Dictionary<string, Dictionary<string, object?>>? metadata, ref MatchWork work)
        => Test(metadata is not null && metadata.TryGetValue(_space, out var values) ? values : null, ref work);

    /// <summary>Tests what the document gives the route.</summary>
    public bool IsMatch(IReadOnlyDictionary<string, ConfigObject>? metadata, ref MatchWork work)
        => Test(metadata is not null && metadata.TryGetValue(_space, out var values) ? values : null, ref work);

    private bool Test(object? value, ref MatchWork work)
    {
        bool present = value is not null;
        foreach (string key in _path)
        {
            if (!present) break;
            present = false;
            if (value is IReadOnlyDictionary<string, object?> map) present = map.TryGetValue(key, out value);
            else if (value is ConfigObject o && o.TryGet(key, out var node)) (present, value) = (true, node);
        }
        return _value.IsMatch(present ? value : null, present, ref work) != _invert;
    }
}
