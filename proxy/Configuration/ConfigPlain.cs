using System.Globalization;

namespace Managed.Proxy.Configuration;

/// <summary>
/// What a document gives as free data (google.protobuf.Struct), as metadata of a stream has it: text, double, bool, null,
/// <c>IReadOnlyList&lt;object?&gt;</c>, <c>IReadOnlyDictionary&lt;string, object?&gt;</c>.
/// </summary>
internal static class ConfigPlain
{
    public static object? Of(ConfigNode? node) => node switch
    {
        ConfigScalar scalar => Of(scalar),
        ConfigArray array => Enumerable.Range(0, array.Count).Select(i => Of(array[i])).ToList(),
        ConfigObject o => Of(o),
        _ => null,
    };

    public static Dictionary<string, object?> Of(ConfigObject o)
        => o.Members.ToDictionary(m => m.Key, m => Of(m.Value), StringComparer.Ordinal);

    public static object? Of(ConfigScalar scalar) => scalar.Kind switch
    {
        ConfigScalarKind.Null => null,
        ConfigScalarKind.Boolean => scalar.Text == "true",
        ConfigScalarKind.Number => double.Parse(scalar.Text, CultureInfo.InvariantCulture),
        _ => scalar.Text,
    };
}
