using System.Text.Json;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.Migrations;

namespace Managed.AdminApi.Contracts;

/// <summary>One worker's part. <paramref name="State"/>: applied, pending, timed_out or rolled_back.</summary>
internal sealed record DeploymentWorker(int Id, string State, long Version, double PrepareMs, double AckMs, string? Error);

/// <summary>A publication. <paramref name="Drains"/> counts what still runs on older versions.</summary>
internal sealed record DeploymentView(
    string Id, long Version, long? PreviousVersion, string State, DateTimeOffset CreatedAt, DateTimeOffset? FinishedAt,
    DateTimeOffset? ConfirmBy,
    double PrepareMs, double DurationMs, IReadOnlyList<DeploymentWorker> Workers, IReadOnlyList<DrainView> Drains,
        IReadOnlyList<ErrorItem> Errors, string? Error)
{
    public static DeploymentView From(DeploymentRow row, IReadOnlyList<DrainView> drains)
    {
        var errors = row.Errors is null ? [] : JsonSerializer.Deserialize<List<ErrorItem>>(row.Errors, JsonAnswer.Options) ?? [];
        return new(row.Id, row.Version, row.PreviousVersion, row.State, row.StartedAt, row.FinishedAt, row.ConfirmDeadline,
            Math.Round(row.PrepareMs, 3), Math.Round(row.DurationMs, 3),
            JsonSerializer.Deserialize<List<DeploymentWorker>>(row.Workers, JsonAnswer.Options) ?? [], drains, errors,
                errors.FirstOrDefault()?.Detail);
    }
}

/// <summary>Connections and streams that still run on an older version.</summary>
internal sealed record DrainView(long Version, long Connections, long Streams);
