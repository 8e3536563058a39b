using System.Collections;

namespace Managed.Proxy.Configuration;

/// <summary>An array of nodes.</summary>
public sealed class ConfigArray(ConfigOrigin? origin = null) : ConfigNode(origin), IReadOnlyList<ConfigNode>
{
    private readonly List<ConfigNode> _items = [];

    public override string KindName => "array";

    public int Count => _items.Count;

    public ConfigNode this[int index]
    {
        get => _items[index];
        set
        {
            BeforeChange();
            _items[index] = value;
        }
    }

    public ConfigArray Add(ConfigNode item)
    {
        BeforeChange();
        _items.Add(item);
        return this;
    }

    public void Insert(int index, ConfigNode item)
    {
        BeforeChange();
        _items.Insert(index, item);
    }

    public void RemoveAt(int index)
    {
        BeforeChange();
        _items.RemoveAt(index);
    }

    internal void RemoveAll(Predicate<ConfigNode> match)
    {
        BeforeChange();
        _items.RemoveAll(match);
    }

    /// <summary>Index of the object whose <c>name</c> is this, or -1.</summary>
    public int IndexOfName(string name) => _items.FindIndex(i => i is ConfigObject o && o.Text("name") == name);

    /// <summary>The object whose <c>name</c> is this, or null.</summary>
    public ConfigObject? FindByName(string name) => IndexOfName(name) is >= 0 and var at ? (ConfigObject)_items[at] : null;

    public override ConfigArray Clone()
    {
        var copy = new ConfigArray(Origin);
        copy._items.Capacity = _items.Count;
        foreach (var item in _items)
            copy._items.Add(item.Clone());
        return copy;
    }

    /// <summary>A copy that shares the items.</summary>
    internal ConfigArray Draft()
    {
        var copy = new ConfigArray(Origin);
        copy._items.AddRange(_items);
        return copy;
    }

    private protected override ConfigFacts Gather()
    {
        DocumentSize size = new(2, 1, 1);
        var mentions = ConfigMention.None;
        foreach (var item in _items)
            size = size.With(item is ConfigScalar scalar ? DocumentSize.Of(scalar) : Below(item, ref mentions), 1);
        return new(size, mentions);
    }

    public override bool SameAs(ConfigNode? other) =>
        ReferenceEquals(this, other) || (other is ConfigArray a && a.Count == Count && AllSame(a));

    private bool AllSame(ConfigArray other)
    {
        for (var i = 0; i < _items.Count; i++)
            if (!_items[i].SameAs(other._items[i]))
                return false;
        return true;
    }

    public override bool IsCopyOf(ConfigNode other)
    {
        if (ReferenceEquals(this, other))
            return true;
        if (other is not ConfigArray a || a._items.Count != _items.Count)
            return false;
        for (var i = 0; i < _items.Count; i++)
            if (!_items[i].IsCopyOf(a._items[i]))
                return false;
        return true;
    }

    public IEnumerator<ConfigNode> GetEnumerator() => _items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
