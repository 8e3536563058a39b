namespace Managed.Migrations;

/// <summary>
/// Versions one after another that need a secret, which keeps it from being deleted. Versions share nearly all their secrets: a row for
/// each of both would make a change of one among thousands cost as much as all of them.
/// </summary>
public sealed class SecretSpanRow
{
    public required string Digest { get; init; }

    /// <summary>Number of the first version that needs it.</summary>
    public required long First { get; init; }

    /// <summary>Number of the last one; null: also the newest needs it.</summary>
    public long? Last { get; init; }
}
