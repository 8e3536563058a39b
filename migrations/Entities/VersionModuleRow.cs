namespace Managed.Migrations;

/// <summary>A version that needs a module; keeps the module from being deleted.</summary>
public sealed class VersionModuleRow
{
    public required long Version { get; init; }
    public required string Digest { get; init; }
}
