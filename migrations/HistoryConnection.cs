using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Managed.Migrations;

/// <summary>
/// One connection to the history and statements on it. Values stand for <c>$1</c>, <c>$2</c> and so on in their order; times are stored as
/// the mapper stores them, as whole milliseconds since the Unix epoch. All methods throw <see cref="SqliteException"/>.
/// </summary>
public sealed class HistoryConnection : IDisposable
{
    private readonly SqliteConnection _connection;
    private SqliteTransaction? _transaction;

    private readonly Action? _closed;
    private bool _disposed;

    private HistoryConnection(SqliteConnection connection, Action? closed) => (_connection, _closed) = (connection, closed);

    /// <summary>Seconds that a statement waits for a lock.</summary>
    public int Patience { set => _connection.DefaultTimeout = value; }

    internal static HistoryConnection Open(string connectionString, string pragmas, Action? closed = null)
    {
        var connection = new SqliteConnection(connectionString);
        try
        {
            connection.Open();
            var opened = new HistoryConnection(connection, closed);
            opened.Execute(pragmas);
            return opened;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>
    /// From here to <see cref="Commit"/> all or nothing. Takes the writer's lock at once: a reader's lock that has to become one may fail.
    /// </summary>
    public void Begin() => _transaction = _connection.BeginTransaction(deferred: false);

    public void Commit()
    {
        _transaction!.Commit();
        _transaction.Dispose();
        _transaction = null;
    }

    /// <summary>How many rows it changed.</summary>
    public int Execute(string sql, params ReadOnlySpan<object?> values)
    {
        using var command = Command(sql, values);
        return command.ExecuteNonQuery();
    }

    /// <summary>The first column of the first row; null when there is none.</summary>
    public object? Value(string sql, params ReadOnlySpan<object?> values)
    {
        using var command = Command(sql, values);
        return command.ExecuteScalar() is var value && value is DBNull ? null : value;
    }

    public List<T> Rows<T>(string sql, Func<SqliteDataReader, T> row, params ReadOnlySpan<object?> values)
    {
        using var command = Command(sql, values);
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
            rows.Add(row(reader));
        return rows;
    }

    public static long? Number(SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.GetInt64(column);

    public static DateTimeOffset Time(SqliteDataReader row, int column) => DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(column));

    public void Dispose()
    {
        _transaction?.Dispose(); // rolls back
        _connection.Dispose();
        if (_disposed)
            return;
        _disposed = true;
        _closed?.Invoke();
    }

    private SqliteCommand Command(string sql, ReadOnlySpan<object?> values)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        command.Transaction = _transaction;
        for (var i = 0; i < values.Length; i++)
            command.Parameters.AddWithValue(string.Create(CultureInfo.InvariantCulture, $"${i + 1}"), Stored(values[i]));
        return command;
    }

    private static object Stored(object? value) => value switch
    {
        null => DBNull.Value,
        DateTimeOffset time => time.ToUnixTimeMilliseconds(),
        _ => value,
    };
}
