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
    private DbContextOptions<HistoryContext>? _options;

    public string File => file;

    /// <summary>A connection under its pragmas; pooled, so that closing it keeps the file open.</summary>
    /// <exception cref="Microsoft.Data.Sqlite.SqliteException">The file cannot be opened.</exception>
    public HistoryConnection Open() => HistoryConnection.Open(HistoryDatabase.ConnectionString(file), HistoryDatabase.Durable);

    public HistoryContext Map() => new(_options ??= HistoryDatabase.Options(file));
}
