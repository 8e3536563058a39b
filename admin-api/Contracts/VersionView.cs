using System.Text.Json;
using Managed.AdminApi.Documents;
using Managed.AdminApi.Requests;
using Managed.Migrations;

namespace Managed.AdminApi.Contracts;

/// <summary>One version in lists and on its own.</summary>
/// <param name="Restores">The version whose content it has again.</param>
/// <param name="Reverts">The version whose change it takes back; what came after that stays.</param>
internal sealed record VersionView(
    long Version, DateTimeOffset CreatedAt, string Author, string Source, string? Comment, IReadOnlyDictionary<string, string> Labels,
    bool Pinned,
    long? BaseVersion, long? Restores, long? Reverts, string State, ChangeSummary Summary, IReadOnlyList<string> Modules, string Digest,
        string Deployment)
{
    public static VersionView From(VersionRow row, IReadOnlyList<string>? modules) => new(
        row.Number, row.CreatedAt, row.Author, row.Source, row.Comment,
        JsonSerializer.Deserialize<Dictionary<string, string>>(row.Labels, JsonAnswer.Options) ?? [], row.Pinned,
        row.BaseVersion, TakesBack(row) ? null : row.Restores, TakesBack(row) ? row.Restores : null, row.State,
        ChangeSummary.FromStored(row.Added, row.Changed, row.Removed, row.Summary), modules ?? [], "sha256:" + row.Digest,
        Managed.AdminApi.Versions.Publisher.DeploymentId(row.Number));

    private static bool TakesBack(VersionRow row)
        => row.Source is Managed.AdminApi.Versions.ChangeSource.Revert or Managed.AdminApi.Versions.ChangeSource.AutoRevert;
}
