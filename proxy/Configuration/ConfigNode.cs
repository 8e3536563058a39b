using System.Security.Cryptography;

namespace Managed.Proxy.Configuration;

/// <summary>A node of a configuration document: object, array or scalar, with the place it was written at.
/// Trees are changed only while they are put together; a published tree is never changed again.</summary>
public abstract class ConfigNode(ConfigOrigin? origin)
{
    public ConfigOrigin Origin { get; } = origin ?? ConfigOrigin.None;

    /// <summary>1-based; 0 when unknown.</summary>
    public int Line => Origin.Line;

    /// <summary>1-based; 0 when unknown.</summary>
    public int Column => Origin.Column;

    public ConfigSource Source => Origin.Source;

    /// <summary>JSON pointer inside <see cref="Source"/>, as a URI fragment.</summary>
    public string Pointer => Origin.Path.ToString();

    /// <summary>
    /// <c>object</c>, <c>array</c>, <c>string</c>, <c>number</c>, <c>boolean</c> or <c>null</c>, as error messages say it.
    /// </summary>
    public abstract string KindName { get; }

    private ConfigFacts? _facts;

    /// <summary>
    /// Part of a tree that is published: a change throws, and what a walk would find below is known without walking.
    /// </summary>
    public bool IsSealed => _facts is not null;

    /// <summary>How large it is, where that is known.</summary>
    internal DocumentSize? KnownSize => _facts is { HasSize: true } facts ? facts.Size : null;

    /// <summary>Whether such a member may be in it, at any depth. False is certain.</summary>
    public bool MayMention(ConfigMention what) => _facts is null || (_facts.Mentions & what) != 0;

    /// <summary>From here on it is not changed. What is sealed already costs nothing.</summary>
    public void Seal() => Summarise();

    private protected abstract ConfigFacts Gather();

    private protected ConfigFacts Summarise()
    {
        if (_facts is { HasSize: true })
            return _facts;
        var facts = Gather();
        _facts = facts.Kept;
        return facts;
    }

    private protected static DocumentSize Below(ConfigNode child, ref ConfigMention mentions)
    {
        var facts = child.Summarise();
        mentions |= facts.Mentions;
        return facts.Size;
    }

    private protected void BeforeChange()
    {
        if (_facts is not null)
            throw new InvalidOperationException($"a published document is not changed ({Pointer})");
    }

    /// <summary>A deep copy that keeps every origin.</summary>
    public abstract ConfigNode Clone();

    /// <summary>Same content; positions and the order of object members do not count.</summary>
    public abstract bool SameAs(ConfigNode? other);

    /// <summary>Same content in the same order; positions do not count. What is made of one of the two can stand for the other.</summary>
    public abstract bool IsCopyOf(ConfigNode other);

    /// <summary>Compact UTF-8 JSON with members in their order.</summary>
    public byte[] ToJson() => ConfigJson.Write(this, indented: false);

    public byte[] ToJson(bool indented) => ConfigJson.Write(this, indented);

    /// <summary>The node as a YAML document with the comments that belong to it; parsing it gives the same content.</summary>
    public string ToYaml() => ConfigYaml.Write(this);

    /// <summary>Strong entity tag with its quotes, from the SHA-256 of <see cref="ToJson()"/> and of the comments, if any.</summary>
    public string ETag
    {
        get
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            hash.AppendData(ToJson());
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes(ConfigComments.Within(this)));
            return $"\"{Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16))}\"";
        }
    }

    /// <summary>The node at a pointer below this one (<c>#/a/0</c> or <c>/a/0</c>), or null.</summary>
    public ConfigNode? Find(string pointer)
    {
        if (ConfigPath.Split(pointer) is not { } segments)
            return null;
        ConfigNode? node = this;
        foreach (var segment in segments)
            node = node switch
            {
                ConfigObject o => o[segment],
                ConfigArray a when int.TryParse(segment, System.Globalization.NumberStyles.None, null, out var i) && i < a.Count => a[i],
                _ => null,
            };
        return node;
    }
}
