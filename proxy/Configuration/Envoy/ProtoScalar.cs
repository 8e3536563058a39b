using System.Globalization;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Envoy;

/// <summary>
/// Single values as protobuf's JSON and Envoy's YAML reader take them, in the one spelling that the binder takes. What fits nothing is left
/// for the binder to refuse.
/// </summary>
internal static class ProtoScalar
{
    // YAML 1.1, as yaml-cpp reads it.
    private static readonly HashSet<string> Yes = new(["true", "yes", "y", "on"], StringComparer.OrdinalIgnoreCase);
    private static readonly HashSet<string> No = new(["false", "no", "n", "off"], StringComparer.OrdinalIgnoreCase);

    public static ConfigNode Of(ConfigNode node, FieldShape field)
    {
        if (field.Type == typeof(TimeSpan))
            return Duration(node);
        if (node is ConfigObject { Count: 1 } wrapper && wrapper["value"] is { } inner && field.Type != typeof(byte[]))
            node = inner; // google.protobuf.UInt32Value and its kin
        if (node is not ConfigScalar scalar)
            return node;
        if (field.Type == typeof(bool))
            return Boolean(scalar);
        if (field.Type.IsEnum)
            return Enumeration(scalar, field);
        if (field.Type == typeof(byte[]) && scalar.Kind == ConfigScalarKind.String)
            return ConfigScalar.String(Base64(scalar.Text), scalar.Origin);
        return field.Type == typeof(string) ? scalar : Number(scalar);
    }

    public static ConfigScalar Boolean(ConfigScalar scalar) =>
        scalar.Kind != ConfigScalarKind.String ? scalar
        : Yes.Contains(scalar.Text) ? ConfigScalar.Boolean(true, scalar.Origin)
        : No.Contains(scalar.Text) ? ConfigScalar.Boolean(false, scalar.Origin)
        : scalar;

    /// <summary>Any case, a hyphen for an underscore, or the number that Envoy's enumeration gives the name.</summary>
    private static ConfigScalar Enumeration(ConfigScalar scalar, FieldShape field)
    {
        var text = EnvoyEnums.NameOf(field.Type.Name, scalar.Text) ?? scalar.Text.Replace('-', '_');
        var known = EnumNames.All(field.Type).Keys.Concat(field.Unsupported.SelectMany(u => u.Values.Split(' ')));
        return known.FirstOrDefault(n => n.Equals(text, StringComparison.OrdinalIgnoreCase)) is { } name
            ? ConfigScalar.String(name, scalar.Origin) : scalar;
    }

    /// <summary>Quoted numbers, <c>50.0</c> for a whole number, hexadecimal as YAML 1.1 has it.</summary>
    private static ConfigScalar Number(ConfigScalar scalar)
    {
        if (scalar.Kind != ConfigScalarKind.String)
            return scalar;
        var (kind, text) = YamlCoreSchema.Resolve(scalar.Text.Trim());
        return kind == ConfigScalarKind.Number ? new(ConfigScalarKind.Number, text, scalar.Origin) : scalar;
    }

    private static ConfigNode Duration(ConfigNode node)
    {
        if (node is not ConfigObject o || o.Members.Any(m => m.Key is not ("seconds" or "nanos")))
            return node;
        if (!Part(o["seconds"], out var seconds) || !Part(o["nanos"], out var nanos) || nanos is < 0 or > 999_999_999)
            return node;
        var fraction = nanos == 0 ? "" : "." + nanos.ToString("000000000", CultureInfo.InvariantCulture);
        return ConfigScalar.String(string.Create(CultureInfo.InvariantCulture, $"{seconds}{fraction}s"), o.Origin);
    }

    private static bool Part(ConfigNode? node, out long value)
    {
        value = 0;
        return node is null or ConfigScalar { IsNull: true }
            || (node is ConfigScalar s && long.TryParse(s.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value));
    }

    /// <summary>With the padding that may be missing, in the alphabet of RFC 4648 section 4.</summary>
    private static string Base64(string text)
    {
        var plain = text.Replace('-', '+').Replace('_', '/').TrimEnd('=');
        return plain.Any(char.IsWhiteSpace) ? text : plain.PadRight((plain.Length + 3) / 4 * 4, '=');
    }
}
