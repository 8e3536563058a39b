using System.ComponentModel;
using System.Reflection;
using System.Runtime.CompilerServices;
using Managed.Filters;

namespace Managed.Proxy.Configuration.Validation;

/// <summary>
/// What a configuration record accepts, read once from its properties and attributes; binder, canonical form and schema all work from it.
/// </summary>
internal sealed class RecordShape
{
    // Records of plug-ins go with their assembly.
    private static readonly ConditionalWeakTable<Type, RecordShape> Shapes = [];

    private readonly Dictionary<string, string> _unsupported = [];
    private readonly ConstructorInvoker _new;

    private RecordShape(Type type)
    {
        Type = type;
        Description = type.GetCustomAttribute<DescriptionAttribute>()?.Description ?? "";
        var defaults = Activator.CreateInstance(type)!;
        Fields = [.. type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.CanWrite && p.DeclaringType == type)
            .Select(p => new FieldShape(p, p.GetValue(defaults)))];
        ByName = Fields.ToDictionary(f => f.Name);
        Suggested = [.. Fields.Select(f => f.Name), .. type.GetCustomAttribute<ShortFormFieldsAttribute>()?.Fields.Split(' ') ?? []];
        Groups = [.. Fields.Where(f => f.OneOf is not null).GroupBy(f => f.OneOf!.Group).Select(g => g.ToArray())];
        _new = ConstructorInvoker.Create(type.GetConstructor([])!);
        foreach (var attribute in type.GetCustomAttributes<UnsupportedFieldAttribute>())
            foreach (var name in attribute.Fields.Split(' '))
            {
                _unsupported[name] = attribute.Reason;
                _unsupported.TryAdd(FieldName.Camel(name), attribute.Reason);
            }
    }

    public Type Type { get; }

    /// <summary>As the schema calls it: <c>Listener</c> of <c>ListenerConfig</c>.</summary>
    public string Title => Type.Name.EndsWith("Config", StringComparison.Ordinal) && Type.Name.Length > 6 ? Type.Name[..^6] : Type.Name;

    public string Description { get; }

    public FieldShape[] Fields { get; }

    public IReadOnlyDictionary<string, FieldShape> ByName { get; }

    /// <summary>What an unknown name may have been meant as.</summary>
    public IReadOnlyList<string> Suggested { get; }

    /// <summary>The fields of which one alone may be given, group by group.</summary>
    public FieldShape[][] Groups { get; }

    public FilterConfiguration NewRecord() => (FilterConfiguration)_new.Invoke();

    /// <summary>The record has a name that must be unique in a list.</summary>
    public bool IsNamed => ByName.TryGetValue("name", out var name) && name.IsResourceName;

    public static RecordShape Of(Type type) => Shapes.GetValue(type, static t => new RecordShape(t));

    public static bool IsRecord(Type type) => type.IsSubclassOf(typeof(FilterConfiguration));

    /// <summary>A field of the record, of its short form, or of Envoy's message.</summary>
    public bool IsKnown(string name) => Fields.Any(f => f.Name == name || FieldName.Camel(f.Name) == name) || Suggested.Contains(name)
        || UnsupportedReason(name) is not null;

    /// <summary>Why a field of Envoy's message is not served; null when the field is not known at all.</summary>
    public string? UnsupportedReason(string name) => _unsupported.GetValueOrDefault(name);
}
