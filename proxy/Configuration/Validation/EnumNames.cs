using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;

namespace Managed.Proxy.Configuration.Validation;

/// <summary>Envoy's SCREAMING_SNAKE names of an enumeration's members.</summary>
public static class EnumNames
{
    // Weak, for enumerations of plug-ins go with their assembly.
    private static readonly ConditionalWeakTable<Type, Dictionary<string, object>> Names = [];

    public static string Of(Enum value) =>
        value.GetType().GetField(value.ToString()) is { } field ? Of(field) : value.ToString();

    internal static IReadOnlyDictionary<string, object> All(Type type) => Names.GetValue(type,
        static t => t.GetFields(BindingFlags.Public | BindingFlags.Static).ToDictionary(Of, f => f.GetValue(null)!));

    private static string Of(FieldInfo field) =>
        field.GetCustomAttribute<JsonStringEnumMemberNameAttribute>()?.Name ?? FieldName.Snake(field.Name).ToUpperInvariant();
}
