using System.Diagnostics.CodeAnalysis;

namespace Managed.Proxy.Configuration;

/// <summary>An object with its members in the order they were written.
/// Look-ups take the snake_case name; a member written in lowerCamelCase is found too and renamed in place.</summary>
public sealed class ConfigObject(ConfigOrigin? origin = null) : ConfigNode(origin)
{
    private readonly List<ConfigMember> _members = [];
    private Dictionary<string, int>? _index;
    private bool _hasCamel; // some name may be in lowerCamelCase: where none is, a second look is spared

    /// <summary>Above this many members look-ups go through a dictionary.</summary>
    private const int IndexThreshold = 12;

    public override string KindName => "object";

    public int Count => _members.Count;

    /// <summary>
    /// Of a whole document: what its reading has to say, such as a key that is given twice. Lasts as long as the tree, and is not stored
    /// with it.
    /// </summary>
    public IReadOnlyList<ConfigError> Notes { get; internal set; } = [];

    public IEnumerable<string> Names => _members.Select(m => m.Key);

    public IReadOnlyList<ConfigMember> Members => _members;

    /// <summary>The member, or null when there is none; <see cref="TryGet"/> tells an absent member from an explicit null scalar.</summary>
    public ConfigNode? this[string name] => TryGet(name, out var node) ? node : null;

    public bool TryGet(string name, [NotNullWhen(true)] out ConfigNode? node)
    {
        var at = IndexOf(name);
        if (at < 0 && _hasCamel && name.Contains('_') && (at = IndexOf(FieldName.Camel(name))) >= 0 && !IsSealed)
        {
            _members[at] = _members[at] with { Key = name };
            _index = null;
        }
        node = at < 0 ? null : _members[at].Value;
        return at >= 0;
    }

    public bool Has(string name) => TryGet(name, out _);

    public ConfigObject? Object(string name) => this[name] as ConfigObject;

    public ConfigArray? Array(string name) => this[name] as ConfigArray;

    /// <summary>The text of a string member, or null.</summary>
    public string? Text(string name) => this[name] is ConfigScalar { Kind: ConfigScalarKind.String } s ? s.Text : null;

    /// <summary>Replaces the member in place, or adds it at the end.</summary>
    public ConfigObject Set(string name, ConfigNode value)
    {
        BeforeChange();
        if (TryGet(name, out _))
        {
            var at = IndexOf(name);
            _members[at] = _members[at] with { Value = value };
            return this;
        }
        _hasCamel |= IsCamel(name);
        _members.Add(new(name, value, value.Line, value.Column));
        _index?.Add(name, _members.Count - 1);
        return this;
    }

    internal void InsertFirst(string name, ConfigNode value)
    {
        BeforeChange();
        _hasCamel |= IsCamel(name);
        _members.Insert(0, new(name, value, value.Line, value.Column));
        _index = null;
    }

    /// <summary>The member of this very name.</summary>
    internal ConfigNode? Spelled(string name) => IndexOf(name) is >= 0 and var at ? _members[at].Value : null;

    /// <summary>Adds a member as it is spelled; false when that very name is there.</summary>
    internal bool TryAdd(ConfigMember member)
    {
        BeforeChange();
        if (IndexOf(member.Key) >= 0)
            return false;
        _hasCamel |= IsCamel(member.Key);
        _members.Add(member);
        _index?.Add(member.Key, _members.Count - 1);
        return true;
    }

    /// <summary>Adds a member as it is spelled, in the place and instead of one of that very name.</summary>
    internal void Put(ConfigMember member)
    {
        BeforeChange();
        if (IndexOf(member.Key) is >= 0 and var at)
            _members[at] = member;
        else
            TryAdd(member);
    }

    /// <summary>The place of a member's name, for errors that are about the name.</summary>
    internal ConfigOrigin NameOrigin(ConfigMember member) =>
        member.Value.Origin == ConfigOrigin.None || member.Value.Source != Source
            ? Origin with { Path = Origin.Path.Child(member.Key) }
            : new(Source, member.Value.Origin.Path, member.Line, member.Column);

    public ConfigNode? Remove(string name)
    {
        BeforeChange();
        if (!TryGet(name, out var node))
            return null;
        _members.RemoveAt(IndexOf(name));
        _index = null;
        return node;
    }

    /// <summary>Removes many at once, by the names they have.</summary>
    public void RemoveAll(IReadOnlySet<string> names)
    {
        BeforeChange();
        if (_members.RemoveAll(m => names.Contains(m.Key)) > 0)
            _index = null;
    }

    public override ConfigObject Clone()
    {
        var copy = new ConfigObject(Origin) { Notes = Notes, _hasCamel = _hasCamel };
        copy._members.Capacity = _members.Count;
        foreach (var member in _members)
            copy._members.Add(member with { Value = member.Value.Clone() });
        return copy;
    }

    /// <summary>
    /// Of a whole document: a copy whose lists of resources may be changed, and that shares the resources themselves with this one.
    /// </summary>
    public ConfigObject Draft()
    {
        var copy = new ConfigObject(Origin) { Notes = Notes, _hasCamel = _hasCamel };
        foreach (var member in _members)
            copy._members.Add(member.Value switch
            {
                ConfigArray list => member with { Value = list.Draft() },
                ConfigObject wrapped when member.Key is "static_resources" or "staticResources" => member with { Value = wrapped.Draft() },
                _ => member,
            });
        return copy;
    }

    private protected override ConfigFacts Gather()
    {
        DocumentSize size = new(2, 1, 1);
        var mentions = ConfigMention.None;
        foreach (var (key, value, _, _) in _members)
        {
            mentions |= ConfigFacts.Of(key);
            size = size.With(value is ConfigScalar scalar ? DocumentSize.Of(scalar) : Below(value, ref mentions), key.Length + 4);
        }
        return new(size, mentions);
    }

    public override bool SameAs(ConfigNode? other) =>
        ReferenceEquals(this, other) || other is ConfigObject o && o.Count == Count
        && AllSame(o);

    private bool AllSame(ConfigObject other)
    {
        for (var i = 0; i < _members.Count; i++)
        {
            // Mostly in the same order.
            var at = other._members[i].Key == _members[i].Key ? i : other.IndexOf(_members[i].Key);
            if (at < 0 || !_members[i].Value.SameAs(other._members[at].Value))
                return false;
        }
        return true;
    }

    public override bool IsCopyOf(ConfigNode other)
    {
        if (ReferenceEquals(this, other))
            return true;
        if (other is not ConfigObject o || o._members.Count != _members.Count)
            return false;
        for (var i = 0; i < _members.Count; i++)
            if (_members[i].Key != o._members[i].Key || !_members[i].Value.IsCopyOf(o._members[i].Value))
                return false;
        return true;
    }

    // What a snake_case name with an underscore becomes has a capital where that was, or a digit: sha_256.
    private static bool IsCamel(string name) => name.AsSpan().ContainsAnyInRange('A', 'Z') || name.AsSpan().ContainsAnyInRange('0', '9');

    private int IndexOf(string name)
    {
        if (_members.Count <= IndexThreshold)
        {
            for (var i = 0; i < _members.Count; i++)
                if (_members[i].Key == name)
                    return i;
            return -1;
        }
        if (_index is null)
        {
            var index = new Dictionary<string, int>(_members.Count);
            for (var i = 0; i < _members.Count; i++)
                index[_members[i].Key] = i;
            _index = index; // whole: several may read a published document
        }
        return _index.TryGetValue(name, out var at) ? at : -1;
    }
}

/// <summary>A member of an object with the place of its name.</summary>
public readonly record struct ConfigMember(string Key, ConfigNode Value, int Line, int Column)
{
    /// <summary>The value carries a YAML anchor, so it may be there for aliases only.</summary>
    internal bool IsAnchored { get; init; }

    public void Deconstruct(out string key, out ConfigNode value) => (key, value) = (Key, Value);
}
