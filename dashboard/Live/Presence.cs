namespace Managed.Dashboard.Live;

/// <summary>
/// Who has which resource open, over all circuits of this dashboard: told to the others, so that two people do not edit the same without
/// knowing. A tab that is closed or cut off is gone when its circuit is.
/// </summary>
internal sealed class Presence
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<Visit>> _visits = new(StringComparer.Ordinal);

    /// <summary>Told what is looked at by others than before, or edited; on any thread.</summary>
    public event Action<string>? Changed;

    /// <param name="resource">Such as <c>listeners/edge</c>.</param>
    /// <param name="who">The name of the account.</param>
    public Visit Enter(string resource, string who)
    {
        var visit = new Visit(this, resource, who, DateTimeOffset.UtcNow);
        lock (_lock)
        {
            if (!_visits.TryGetValue(resource, out var visits))
                _visits[resource] = visits = [];
            visits.Add(visit);
        }
        Changed?.Invoke(resource);
        return visit;
    }

    /// <summary>The others, those who edit first.</summary>
    public IReadOnlyList<Visit> Beside(Visit mine)
    {
        lock (_lock)
            return _visits.TryGetValue(mine.Resource, out var all)
                ? [.. all.Where(v => v != mine).OrderBy(v => v.EditsSince is null).ThenBy(v => v.Since)] : [];
    }

    private void Leave(Visit visit)
    {
        lock (_lock)
        {
            if (!_visits.TryGetValue(visit.Resource, out var visits) || !visits.Remove(visit))
                return;
            if (visits.Count == 0)
                _visits.Remove(visit.Resource);
        }
        Changed?.Invoke(visit.Resource);
    }

    /// <summary>One tab in which a resource is open; ends when it is disposed.</summary>
    internal sealed class Visit(Presence presence, string resource, string who, DateTimeOffset since) : IDisposable
    {
        public string Resource => resource;
        public string Who => who;
        public DateTimeOffset Since => since;
        /// <summary>Null: looks at it.</summary>
        public DateTimeOffset? EditsSince { get; private set; }

        public void Edits(bool edits)
        {
            if (edits == EditsSince is not null)
                return;
            EditsSince = edits ? DateTimeOffset.UtcNow : null;
            presence.Changed?.Invoke(resource);
        }

        public void Dispose() => presence.Leave(this);
    }
}
