namespace Managed.AdminApi.Versions;

internal static class VersionState
{
    /// <summary>Recorded; its publication has no outcome yet.</summary>
    public const string Pending = "pending";
    public const string Active = "active", Superseded = "superseded", Rejected = "rejected", Reverted = "reverted";
}

internal static class DeploymentState
{
    public const string Preparing = "preparing", Committing = "committing", Applied = "applied", Failed = "failed",
        AwaitingConfirmation = "awaiting_confirmation", Reverted = "reverted";
}

internal static class ChangeSource
{
    public const string Api = "api", Dashboard = "dashboard", Rollback = "rollback", Revert = "revert", File = "file",
        AutoRevert = "auto_revert";
}
