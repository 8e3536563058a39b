using System.Text;

namespace Managed.Proxy.Http.Filters.JsonToMetadata;

/// <summary>The keys of all rules as a tree, so that a body is read once whatever there is to look for.</summary>
internal sealed class JsonPaths
{
    private readonly List<(byte[] Key, JsonPaths Below)> _keys = [];
    private readonly List<int> _rules = [];

    /// <summary>Numbers of the rules whose keys lead here.</summary>
    public IReadOnlyList<int> Rules => _rules;

    public void Add(IReadOnlyList<string> keys, int rule)
    {
        var at = this;
        foreach (string key in keys)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(key);
            var below = at.Find(bytes);
            if (below is null) at._keys.Add((bytes, below = new JsonPaths()));
            at = below;
        }
        at._rules.Add(rule);
    }

    public JsonPaths? Find(ReadOnlySpan<byte> key)
    {
        foreach (var (name, below) in _keys)
            if (key.SequenceEqual(name)) return below;
        return null;
    }
}
