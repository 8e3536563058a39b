using Managed.Migrations;
using Microsoft.EntityFrameworkCore;

namespace Managed.AdminApi.Versions;

/// <summary>Reads deployments and ends confirmations.</summary>
internal sealed class DeploymentStore(HistoryAccess history)
{
    public DeploymentRow? Find(string id)
    {
        using var db = history.Map();
        return db.Deployments.AsNoTracking().SingleOrDefault(d => d.Id == id);
    }

    /// <summary>Newest first. Identifiers sort by time, so they page as well.</summary>
    public (IReadOnlyList<DeploymentRow> Rows, long Total) List(string? below, int count, string? state)
    {
        using var db = history.Map();
        var query = db.Deployments.AsNoTracking();
        if (!string.IsNullOrEmpty(state))
            query = query.Where(d => d.State == state || d.Id == state);
        var total = query.LongCount();
        if (below is not null)
            query = query.Where(d => string.Compare(d.Id, below) < 0);
        return ([.. query.OrderByDescending(d => d.Id).Take(count)], total);
    }

    /// <summary>Those that have to be confirmed still, each with the time by which and the conditions that end it before.</summary>
    public IReadOnlyList<(string Id, long Version, DateTimeOffset? Deadline, string? Rule)> AwaitingConfirmation()
    {
        using var db = history.Open();
        return db.Rows("SELECT id, version, confirm_deadline, revert_rule FROM deployments WHERE state = $1",
            r => (r.GetString(0), r.GetInt64(1), r.IsDBNull(2) ? (DateTimeOffset?)null : HistoryConnection.Time(r, 2),
                r.IsDBNull(3) ? null : r.GetString(3)),
                DeploymentState.AwaitingConfirmation);
    }

    /// <summary>Moves a deployment on if it is still in that state; false when it is not.</summary>
    public bool TryMove(string id, string from, string to)
    {
        using var db = history.Map();
        if (db.Deployments.Find(id) is not { } row || row.State != from)
            return false;
        (row.State, row.ConfirmDeadline, row.FinishedAt) = (to, null, DateTimeOffset.UtcNow);
        db.SaveChanges();
        return true;
    }
}
