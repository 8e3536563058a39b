using System.Text.Json;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Trials;
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
    /// <summary>What reverts it before <see cref="ConfirmBy"/>, as it was given.</summary>
    public string? RevertIf { get; init; }

    /// <summary>While it awaits confirmation, each of its conditions with what it comes to now; null without any.</summary>
    public IReadOnlyList<RevertConditionView>? Conditions { get; init; }

    public static DeploymentView From(DeploymentRow row, IReadOnlyList<DrainView> drains)
    {
        var errors = row.Errors is null ? [] : JsonSerializer.Deserialize<List<ErrorItem>>(row.Errors, JsonAnswer.Options) ?? [];
        return new(row.Id, row.Version, row.PreviousVersion, row.State, row.StartedAt, row.FinishedAt, row.ConfirmDeadline,
            Math.Round(row.PrepareMs, 3), Math.Round(row.DurationMs, 3),
            JsonSerializer.Deserialize<List<DeploymentWorker>>(row.Workers, JsonAnswer.Options) ?? [], drains, errors,
                errors.FirstOrDefault()?.Detail)
            {
                RevertIf = RevertRule.From(row.RevertRule)?.RevertIf,
            };
    }
}

/// <summary>
/// One condition of a trial. <paramref name="Now"/> and <paramref name="Before"/> in <paramref name="Unit"/> (% or ms), null while there
/// was too little traffic to say; of the listener that is worst, or of all together (null).
/// </summary>
internal sealed record RevertConditionView(string Condition, string Metric, double Limit, string Unit, double? Now, double? Before,
    long Requests, string? Listener, bool Holds);

/// <summary>Connections and streams that still run on an older version.</summary>
internal sealed record DrainView(long Version, long Connections, long Streams);
