using System.Net;
using Managed.AdminApi.Auth;
using Managed.Migrations;

namespace Managed.AdminApi.Tests.Auth;

/// <summary>What is kept for a time only is gone after it, though nobody asks for it again, and is never too much.</summary>
public sealed class ExpiryTests : IDisposable
{
    private readonly SetTime _time = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("managed-expiry-").FullName;
    private readonly Expiry _expiry;
    private readonly HistoryAccess _history;

    public ExpiryTests()
    {
        _expiry = new(_time);
        _history = new(Path.Combine(_folder, "history.db"));
        HistoryDatabase.Migrate(_history);
    }

    public void Dispose()
    {
        _expiry.Dispose();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void SessionsThatEnded_AreGone()
    {
        var sessions = new Sessions(_history, _time, _expiry);
        sessions.Begin("first", "admin");
        _time.Now += Sessions.Lifetime / 2;
        var second = sessions.Begin("second", "admin");
        _time.Now += Sessions.Lifetime / 2;
        _expiry.Sweep();
        Assert.Equal((1, 1L), (sessions.Count, Stored()));
        Assert.NotNull(sessions.Find(second));
        _time.Now += Sessions.Lifetime;
        _expiry.Sweep();
        Assert.Equal((0, 0L), (sessions.Count, Stored()));
    }

    [Fact]
    public void Sessions_HaveABound()
    {
        var sessions = new Sessions(_history, _time, _expiry);
        using (var db = _history.Open())
        {
            db.Begin();
            for (var i = 0; i < Sessions.Most + 50; i++)
                db.Execute("INSERT INTO sessions (hash, name, role, expires_at) VALUES ($1, 'a', 'admin', $2)", $"{i}",
                    _time.Now.AddMinutes(1 + i));
            db.Commit();
        }
        sessions.Load();
        Assert.InRange(sessions.Count, Sessions.Most - 1, Sessions.Most);
        for (var i = 0; i < 3; i++)
            sessions.Begin($"more{i}", "admin");
        Assert.Equal((Sessions.Most, (long)Sessions.Most), (sessions.Count, Stored()));
        var last = sessions.Begin("last", "admin");
        Assert.Equal("last", sessions.Find(last)!.Name);
    }

    [Fact]
    public void LinksAndFailures_AreGone()
    {
        var (codes, limit) = (new SignInCodes(_time, _expiry), new FailureLimit(_time, _expiry, "tokens", 3, TimeSpan.FromMinutes(1)));
        codes.Issue();
        for (uint i = 0; i < 100; i++)
            limit.Failed(new IPAddress(i));
        _expiry.Sweep();
        Assert.Equal((1, 100), (codes.Count, limit.Count));
        _time.Now += TimeSpan.FromMinutes(2);
        _expiry.Sweep();
        Assert.Equal((1, 0), (codes.Count, limit.Count));
        _time.Now += SignInCodes.Lifetime;
        _expiry.Sweep();
        Assert.Equal(0, codes.Count);
    }

    private long Stored()
    {
        using var db = _history.Open();
        return (long)db.Value("SELECT count(*) FROM sessions")!;
    }
}
