using System.Collections.Concurrent;
using Managed.Migrations;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace Managed.AdminApi.Auth;

/// <summary>Sign-ins of the dashboard. Kept hashed in the history, so they outlive a restart; in memory too, so that a page costs no query and works without a history.</summary>
internal sealed class Sessions(IDbContextFactory<HistoryContext> contexts)
{
    public const string Cookie = "managed_session";
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(12); // a working day

    private readonly ConcurrentDictionary<string, SessionRow> _known = [];

    /// <summary>The value for the cookie.</summary>
    public string Begin(string name, string role)
    {
        var secret = AccessTokens.NewSecret();
        var row = new SessionRow { Hash = AccessTokens.HashOf(secret), Name = name, Role = role, ExpiresAt = DateTimeOffset.UtcNow + Lifetime };
        _known[row.Hash] = row;
        Store(db =>
        {
            var now = DateTimeOffset.UtcNow;
            db.Sessions.Where(s => s.ExpiresAt < now).ExecuteDelete();
            db.Sessions.Add(row);
            db.SaveChanges();
        });
        return secret;
    }

    public void Load() => Store(db =>
    {
        foreach (var row in db.Sessions.AsNoTracking())
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
            Store(db => db.Sessions.Where(s => s.Hash == hash).ExecuteDelete());
    }

    private void Store(Action<HistoryContext> action)
    {
        try
        {
            using var db = contexts.CreateDbContext();
            action(db);
        }
        catch (Exception e) when (e is SqliteException or DbUpdateException)
        {
            // Without a history, sessions last as long as the process.
        }
    }
}
