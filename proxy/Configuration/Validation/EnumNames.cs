using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json.Serialization;

namespace Managed.Proxy.Configuration.Validation;

/// <summary>Envoy's SCREAMING_SNAKE names of an enumeration's members.</summary>
public static class EnumNames
{
    private static readonly ConcurrentDictionary<Type, Dictionary<string, object>> Names = new();

    public static string Of(Enum value) =>
        value.GetType().GetField(value.ToString()) is { } field ? Of(field) : value.ToString();

    internal static IReadOnlyDictionary<string, object> All(Type type) => Names.GetOrAdd(type,
        t => t.GetFields(BindingFlags.Public | BindingFlags.Static).ToDictionary(Of, f => f.GetValue(null)!));

    private static string Of(FieldInfo field) =>
        field.GetCustomAttribute<JsonStringEnumMemberNameAttribute>()?.Name ?? FieldName.Snake(field.Name).ToUpperInvariant();
}
