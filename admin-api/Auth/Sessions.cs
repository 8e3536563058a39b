using System.Collections.Concurrent;
using Managed.Migrations;
using Microsoft.Data.Sqlite;

namespace Managed.AdminApi.Auth;

/// <summary>
/// Sign-ins of the dashboard. Kept hashed in the history, so they outlive a restart; in memory too, so that a page costs no query and works
/// without a history.
/// </summary>
internal sealed class Sessions(HistoryAccess history)
{
    public const string Cookie = "managed_session";
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(12); // a working day

    private readonly ConcurrentDictionary<string, SessionRow> _known = [];

    /// <summary>The value for the cookie.</summary>
    public string Begin(string name, string role)
    {
        var secret = AccessTokens.NewSecret();
        var row = new SessionRow { Hash = AccessTokens.HashOf(secret), Name = name, Role = role,
            ExpiresAt = DateTimeOffset.UtcNow + Lifetime };
        _known[row.Hash] = row;
        Store(db =>
        {
            db.Begin();
            db.Execute("DELETE FROM sessions WHERE expires_at < $1", DateTimeOffset.UtcNow);
            db.Execute("INSERT INTO sessions (hash, name, role, expires_at) VALUES ($1, $2, $3, $4)", row.Hash, row.Name, row.Role,
                row.ExpiresAt);
            db.Commit();
        });
        return secret;
    }

    public void Load() => Store(db =>
    {
        foreach (var row in db.Rows("SELECT hash, name, role, expires_at FROM sessions", r => new SessionRow
        {
            Hash = r.GetString(0), Name = r.GetString(1), Role = r.GetString(2), ExpiresAt = HistoryConnection.Time(r, 3),
        }))
            _known[row.Hash] = row;
    });

    public Identity? Find(string secret)
    {
        var hash = AccessTokens.HashOf(secret); // looked up by hash: its timing tells nothing about the secret
        if (!_known.TryGetValue(hash, out var row))
            return null;
        if (row.ExpiresAt > DateTimeOffset.UtcNow)
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

    private void Store(Action<HistoryConnection> action)
    {
        try
        {
            using var db = history.Open();
            action(db);
        }
        catch (SqliteException)
        {
            // Without a history, sessions last as long as the process.
        }
    }
}
