namespace Managed.Migrations;

/// <summary>An access token; only its SHA-256 is kept.</summary>
public sealed class TokenRow
{
    public required string Name { get; init; }
    public required string Role { get; init; }
    /// <summary>Lower-case hex.</summary>
    public required string Hash { get; set; }
    public required DateTimeOffset CreatedAt { get; set; }
}
