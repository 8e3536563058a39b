namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>Finds the definition that a part of the document means: by the type of its configuration, else by its name.</summary>
internal static class ExtensionLookup
{
    /// <param name="definitions">What there is: each with Envoy's name and its message type without URL prefix.</param>
    /// <param name="what">For the message, such as <c>HTTP filter</c>.</param>
    /// <returns>Null with an error added when there is none.</returns>
    public static T? Find<T>(IReadOnlyList<T> definitions, Func<T, (string Name, string TypeName)> names, ExtensionKind kind, string what,
        ConfigObject? typedConfig, string name, ConfigNode? at, ConfigErrors errors) where T : class
    {
        string wanted = TypeOf(typedConfig) ?? name;
        foreach (var definition in definitions) if (Is(names(definition), wanted)) return definition;
        Unknown(what, wanted, typedConfig, at, definitions.Select(d => names(d).Name), ExtensionNames.Find(kind, wanted) is not null,
            errors);
        return null;
    }

    private static string? TypeOf(ConfigObject? typedConfig)
        => typedConfig?.Text("@type") is { } url ? url[(url.LastIndexOf('/') + 1)..] : null;

    private static bool Is((string Name, string TypeName) definition, string wanted)
        => wanted == definition.Name || wanted == definition.TypeName
        || (definition.Name.Length > wanted.Length && definition.Name.EndsWith(wanted, StringComparison.Ordinal)
            && definition.Name[definition.Name.Length - wanted.Length - 1] == '.');

    private static void Unknown(string what, string wanted, ConfigObject? typedConfig, ConfigNode? at, IEnumerable<string> names,
        bool envoyHasIt, ConfigErrors errors)
    {
        // The expansion of short forms may have said so already.
        if (errors.HasAt(typedConfig?["@type"] ?? at, ConfigCode.UnknownExtension)) return;
        var known = names.SelectMany(n => new[] { n, n[(n.LastIndexOf('.') + 1)..] }).ToList();
        string? near = envoyHasIt ? null : Suggestions.Closest(wanted, known);
        string detail = envoyHasIt ? $"{what} '{wanted}' is not available in this version" : $"there is no {what} '{wanted}'";
        errors.Error(typedConfig?["@type"] ?? at, ConfigCode.UnknownExtension, detail,
            near is not null ? $"did you mean '{near}'?" : "available: " + string.Join(", ", known.Where(n => !n.Contains('.'))));
    }
}
