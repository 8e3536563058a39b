using Managed.Filters;

namespace Managed.Proxy.Configuration.Validation;

/// <summary>
/// What a user wrote, in the long form with its defaults filled in. Immutable; compiled into snapshot types by the builders.
/// </summary>
public abstract record ConfigRecord : FilterConfiguration
{
    /// <summary>The node this was read from: the place to report an error at. Null for a record that was defaulted.</summary>
    public ConfigNode? Node => (ConfigNode?)Place;

    /// <summary>The sensitive field that this was read below, by its snake_case name; null where nothing is sensitive.</summary>
    internal string? SensitiveField => BelowSensitive;

    /// <summary>This record or one below it did not bind; its errors are collected already. Its name still counts for references.</summary>
    public bool HasErrors => IsWrong;
}
