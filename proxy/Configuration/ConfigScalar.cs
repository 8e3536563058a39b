using System.Globalization;

namespace Managed.Proxy.Configuration;

public enum ConfigScalarKind { String, Number, Boolean, Null }

/// <summary>A string, number, boolean or null. Numbers keep their JSON text, booleans are <c>true</c> or <c>false</c>.</summary>
public sealed class ConfigScalar(ConfigScalarKind kind, string text, ConfigOrigin? origin = null) : ConfigNode(origin)
{
    public ConfigScalarKind Kind { get; } = kind;

    public string Text { get; } = text;

    public bool IsNull => Kind == ConfigScalarKind.Null;

    public override string KindName => Kind.ToString().ToLowerInvariant();

    public static ConfigScalar String(string text, ConfigOrigin? origin = null) => new(ConfigScalarKind.String, text, origin);

    public static ConfigScalar Number(long value, ConfigOrigin? origin = null) =>
        new(ConfigScalarKind.Number, value.ToString(CultureInfo.InvariantCulture), origin);

    public static ConfigScalar Boolean(bool value, ConfigOrigin? origin = null) =>
        new(ConfigScalarKind.Boolean, value ? "true" : "false", origin);

    public static ConfigScalar Null(ConfigOrigin? origin = null) => new(ConfigScalarKind.Null, "null", origin);

    /// <summary>The same value at another place.</summary>
    public ConfigScalar At(ConfigOrigin origin) => new(Kind, Text, origin);

    public override ConfigScalar Clone() => this; // immutable

    private protected override ConfigFacts Gather() => new(DocumentSize.Of(this), ConfigMention.None);

    public override bool SameAs(ConfigNode? other)
        => ReferenceEquals(this, other) || (other is ConfigScalar s && s.Kind == Kind && s.Text == Text);

    public override bool IsCopyOf(ConfigNode other) => SameAs(other);

    public override string ToString() => Text;
}
