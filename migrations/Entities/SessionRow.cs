namespace Managed.Migrations;

/// <summary>A dashboard sign-in; only the SHA-256 of the cookie's value is kept.</summary>
public sealed class SessionRow
{
    /// <summary>Lower-case hex.</summary>
    public required string Hash { get; init; }
    public required string Name { get; init; }
    public required string Role { get; init; }
    public required DateTimeOffset ExpiresAt { get; init; }
}
