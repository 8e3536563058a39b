namespace Managed.Migrations;

/// <summary>One publication of one version.</summary>
public sealed class DeploymentRow
{
    public required string Id { get; init; }
    public required long Version { get; init; }
    /// <summary>Active before this publication; what a revert restores.</summary>
    public long? PreviousVersion { get; init; }
    /// <summary>preparing, committing, applied, failed, awaiting_confirmation or reverted.</summary>
    public required string State { get; set; }
    public required DateTimeOffset StartedAt { get; init; }
    public DateTimeOffset? FinishedAt { get; set; }
    /// <summary>When it is reverted unless confirmed before; kept so that it holds across a restart.</summary>
    public DateTimeOffset? ConfirmDeadline { get; set; }
    /// <summary>JSON: when it is reverted before that, and what was before it; null: at the deadline alone.</summary>
    public string? RevertRule { get; set; }
    public double PrepareMs { get; set; }
    public double DurationMs { get; set; }
    /// <summary>JSON array, one object per worker.</summary>
    public string Workers { get; set; } = "[]";
    /// <summary>JSON array of configuration errors; null when it went well.</summary>
    public string? Errors { get; set; }
}
