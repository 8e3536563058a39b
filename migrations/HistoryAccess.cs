using Microsoft.EntityFrameworkCore;

namespace Managed.Migrations;

/// <summary>
/// The two ways into a history file. What every start and every publication needs goes by plain statements (<see cref="Open"/>): the
/// mapper's model alone takes longer to make than everything else a start does, and more memory than the rest of the process is given for
/// its rows. Lists, searches and annotations, which people ask for, go by the mapper (<see cref="Map"/>), which is loaded by the first of
/// them.
/// </summary>
public sealed class HistoryAccess(string file)
{
    private readonly object _lock = new(); // with waiting, which Lock has not
    private DbContextOptions<HistoryContext>? _options;
    private int _open;
    private bool _lent;

    public string File => file;

    /// <summary>A connection under its pragmas; pooled, so that closing it keeps the file open.</summary>
    /// <exception cref="Microsoft.Data.Sqlite.SqliteException">The file cannot be opened.</exception>
    public HistoryConnection Open()
    {
        var pragmas = Enter();
        try
        {
            return HistoryConnection.Open(HistoryDatabase.ConnectionString(file), pragmas, Leave);
        }
        catch
        {
            Leave();
            throw;
        }
    }

    public HistoryContext Map()
    {
        _ = Enter();
        return new(_options ??= HistoryDatabase.Options(file, Pragmas)) { Closed = Leave };
    }

    /// <summary>
    /// Another process writes from now on: what is opened here can only be read. False when somebody still has it open for writing after
    /// <paramref name="patience"/>; it is lent all the same then, until <see cref="TakeBack"/>.
    /// </summary>
    public bool Lend(TimeSpan patience)
    {
        lock (_lock)
        {
            _lent = true;
            for (var end = Environment.TickCount64 + (long)patience.TotalMilliseconds; _open > 0;)
                if (end - Environment.TickCount64 is var left && (left <= 0 || !Monitor.Wait(_lock, (int)left)) && _open > 0)
                    return false;
            return true;
        }
    }

    /// <summary>This process writes again.</summary>
    public void TakeBack()
    {
        lock (_lock)
            _lent = false;
    }

    private string Pragmas()
    {
        lock (_lock)
            return HistoryDatabase.Durable + (_lent ? "PRAGMA query_only=1;" : "PRAGMA query_only=0;"); // connections are used again
    }

    private string Enter()
    {
        lock (_lock)
        {
            _open++;
            return Pragmas();
        }
    }

    private void Leave()
    {
        lock (_lock)
        {
            _open--;
            Monitor.PulseAll(_lock);
        }
    }
}
