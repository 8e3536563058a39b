using System.Collections.Concurrent;
using Managed.Migrations;
using Microsoft.Data.Sqlite;

namespace Managed.AdminApi.Auth;

/// <summary>
/// Sign-ins of the dashboard. Kept hashed in the history, so they outlive a restart; in memory too, so that a page costs no query and works
/// without a history.
/// </summary>
internal sealed class Sessions
{
    public const string Cookie = "managed_session";
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(12); // a working day
    /// <summary>Beyond them the one that would end first does.</summary>
    public const int Most = 1000;

    private readonly ConcurrentDictionary<string, SessionRow> _known = [];
    private readonly HistoryAccess _history;
    private readonly TimeProvider _time;
    private readonly Expiry _expiry;

    public Sessions(HistoryAccess history, TimeProvider time, Expiry expiry)
    {
        (_history, _time, _expiry) = (history, time, expiry);
        expiry.Add(Sweep);
    }

    public int Count => _known.Count;

    /// <summary>The value for the cookie.</summary>
    public string Begin(string name, string role)
    {
        var secret = AccessTokens.NewSecret();
        var row = new SessionRow { Hash = AccessTokens.HashOf(secret), Name = name, Role = role,
            ExpiresAt = _time.GetUtcNow() + Lifetime };
        MakeRoom();
        _known[row.Hash] = row;
        _expiry.Wake();
        Store(db =>
        {
            db.Begin();
            Forget(db);
            db.Execute("INSERT INTO sessions (hash, name, role, expires_at) VALUES ($1, $2, $3, $4)", row.Hash, row.Name, row.Role,
                row.ExpiresAt);
            db.Commit();
        });
        return secret;
    }

    public void Load() => Store(db =>
    {
        Forget(db);
        foreach (var row in db.Rows("SELECT hash, name, role, expires_at FROM sessions ORDER BY expires_at DESC LIMIT $1",
            r => new SessionRow
        {
            Hash = r.GetString(0), Name = r.GetString(1), Role = r.GetString(2), ExpiresAt = HistoryConnection.Time(r, 3),
        }, Most))
            _known[row.Hash] = row;
        if (!_known.IsEmpty)
            _expiry.Wake();
    });

    public Identity? Find(string secret)
    {
        var hash = AccessTokens.HashOf(secret); // looked up by hash: its timing tells nothing about the secret
        if (!_known.TryGetValue(hash, out var row))
            return null;
        if (row.ExpiresAt > _time.GetUtcNow())
            return new(row.Name, row.Role, ByCookie: true);
        _known.TryRemove(hash, out _);
        return null;
    }

    public void End(string secret)
    {
        var hash = AccessTokens.HashOf(secret);
        if (_known.TryRemove(hash, out _))
            Store(db => db.Execute("DELETE FROM sessions WHERE hash = $1", hash));
    }

    private bool Sweep()
    {
        var now = _time.GetUtcNow();
        var ended = false;
        foreach (var (hash, row) in _known)
            ended |= row.ExpiresAt <= now && _known.TryRemove(hash, out _);
        if (ended)
            Store(Forget);
        return !_known.IsEmpty;
    }

    /// <summary>Sign-ins of scripts that never sign out must not fill the memory.</summary>
    private void MakeRoom()
    {
        if (_known.Count < Most)
            return;
        _ = Sweep();
        while (_known.Count >= Most && _known.Values.MinBy(s => s.ExpiresAt) is { } first)
            _known.TryRemove(first.Hash, out _);
    }

    /// <summary>Those that have ended, and those beyond what is kept.</summary>
    private void Forget(HistoryConnection db)
    {
        if (db.Value("SELECT 1 FROM sessions") is null)
            return; // a start writes nothing that need not be
        db.Execute("DELETE FROM sessions WHERE expires_at <= $1", _time.GetUtcNow());
        db.Execute("DELETE FROM sessions WHERE hash NOT IN (SELECT hash FROM sessions ORDER BY expires_at DESC LIMIT $1)", Most - 1);
    }

    private void Store(Action<HistoryConnection> action)
    {
        try
        {
            using var db = _history.Open();
            action(db);
        }
        catch (SqliteException)
        {
            // Without a history, sessions last as long as the process.
        }
    }
}
