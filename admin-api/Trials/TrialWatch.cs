using Managed.AdminApi.Contracts;
using Managed.AdminApi.Telemetry;
using Managed.Proxy;

namespace Managed.AdminApi.Trials;

/// <summary>
/// Looks at the workers' counters once a second while a trial with conditions is open, and tells which one is to be taken back. After a
/// restart a trial begins anew with counters at zero; what was before it is what was stored.
/// </summary>
internal sealed class TrialWatch(ProxyServer proxy, TrafficHistory history, TimeProvider time) : IDisposable
{
    /// <summary>Trials with conditions at one time: each keeps what two moments counted.</summary>
    public const int Most = 10;

    private static readonly TimeSpan Step = TimeSpan.FromSeconds(1), LookBack = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, TrialWindow> _open = [];
    private readonly HashSet<string> _told = [];
    private TrafficReading.Reader? _reader;
    private ITimer? _timer;

    /// <summary>The deployment, and why it is to be taken back; once for each.</summary>
    public event Action<string, string>? Held;

    public int Open
    {
        get
        {
            lock (_lock)
                return _open.Count;
        }
    }

    /// <summary>The rule of a publication that is about to happen, with what its conditions came to in the minute before.</summary>
    public RevertRule Rule(IReadOnlyList<RevertCondition> conditions)
        => new(string.Join(',', conditions), history.Before(LookBack, conditions));

    public void Begin(string id, RevertRule rule)
    {
        lock (_lock)
        {
            _reader ??= new(proxy, listenersOnly: true);
            _open[id] = new(rule, time.GetUtcNow(), _reader.Read());
            _told.Remove(id);
            _timer ??= time.CreateTimer(_ => Look(), null, Step, Step);
        }
    }

    public void End(string id)
    {
        lock (_lock)
        {
            _told.Remove(id);
            if (!_open.Remove(id) || _open.Count > 0)
                return;
            _timer?.Dispose();
            (_timer, _reader) = (null, null);
        }
    }

    /// <summary>The conditions of an open trial with what they come to now; null: it is not watched.</summary>
    public IReadOnlyList<RevertConditionView>? Of(string id)
    {
        lock (_lock)
            return _open.GetValueOrDefault(id)?.Last;
    }

    internal void Look()
    {
        var held = new List<(string Id, string Why)>();
        try
        {
            lock (_lock)
            {
                if (_reader is null)
                    return;
                var readings = _reader.Read();
                foreach (var (id, window) in _open)
                    if (window.Next(time.GetUtcNow(), readings) is { } why && _told.Add(id))
                        held.Add((id, why));
            }
        }
        catch (Exception)
        {
            // Workers are read again in a second, and the deadline holds; an exception in a timer would end the process.
        }
        foreach (var (id, why) in held)
            Held?.Invoke(id, why);
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _timer?.Dispose();
            (_timer, _reader) = (null, null);
            _open.Clear();
        }
    }
}
