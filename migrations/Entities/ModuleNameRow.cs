namespace Managed.Migrations;

/// <summary>A name that points at the newest module uploaded under it.</summary>
public sealed class ModuleNameRow
{
    public required string Name { get; init; }
    public required string Digest { get; set; }
    public required DateTimeOffset UpdatedAt { get; set; }
}
