using System.Collections;

namespace Managed.Proxy.Configuration.Validation;

/// <summary>
/// The records of a list as it was in the version before: for each item of now the one that it may be. Found by name where both have one;
/// items mostly stand where they stood, or all behind a place by as much.
/// </summary>
internal struct FormerItems(IList? former)
{
    private int _shift;
    private Dictionary<string, int>? _byName;

    /// <summary>Null when there is none; whether the one that is found has the same content is still to be seen.</summary>
    public ConfigRecord? Of(ConfigNode item, int index)
    {
        if (former is not { Count: > 0 } || item is not ConfigObject o)
            return null;
        var name = o.Text("name");
        if (At(index + _shift) is { } near && NameOf(near) == name)
            return near;
        if (name is null)
            return null;
        if (_byName is null)
        {
            _byName = new(former.Count, StringComparer.Ordinal);
            for (var i = 0; i < former.Count; i++)
                if (At(i) is { } record && NameOf(record) is { } its)
                    _byName.TryAdd(its, i);
        }
        if (!_byName.TryGetValue(name, out var at))
        {
            _shift--; // a new one: those behind it stood before it
            return null;
        }
        _shift = at - index;
        return At(at);
    }

    private readonly ConfigRecord? At(int index) => index >= 0 && index < former!.Count ? former[index] as ConfigRecord : null;

    private static string? NameOf(ConfigRecord record) => (record.Node as ConfigObject)?.Text("name");
}
