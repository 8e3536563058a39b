using Managed.AdminApi.Hosting;
using Managed.AdminApi.Secrets;
using Managed.Migrations;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace Managed.AdminApi.Versions;

internal enum HistoryHealth
{
    /// <summary>It can be read and is whole. Whether it can be written shows when it is.</summary>
    Sound,
    /// <summary>The file is no history any more: missing, empty, cut off, overwritten. Waiting will not mend it.</summary>
    Damaged,
    /// <summary>It cannot be opened now: a full disk, a lock, missing rights. The file stays where it is.</summary>
    Unavailable,
}

/// <summary>What opening the history gave.</summary>
/// <param name="Reason">What is wrong; null when it is sound.</param>
/// <param name="Head">Null unless it is sound.</param>
internal sealed record HistoryFinding(HistoryHealth Health, string? Reason, VersionStore.Head? Head);

/// <summary>The history's file as a whole: opened and checked, read in need, set aside.</summary>
internal sealed class HistoryFile(DataFolder folder, HistoryAccess history, SecretVault vault)
{
    private static readonly string[] Parts = ["", "-wal", "-shm"];

    public HistoryFinding Open()
    {
        var file = new FileInfo(folder.DatabaseFile);
        if (!folder.IsNew && (!file.Exists || file.Length == 0))
            return new(HistoryHealth.Damaged, file.Exists ? "history.db is empty" : "history.db is missing", null);
        try
        {
            return new(HistoryHealth.Sound, null, OpenSound());
        }
        catch (Exception e) when (e is SqliteException or DbUpdateException or InvalidOperationException or IOException
            or UnauthorizedAccessException)
        {
            var cause = e.GetBaseException();
            return new(cause is SqliteException s && HistoryDatabase.IsDamage(s) ? HistoryHealth.Damaged : HistoryHealth.Unavailable,
                $"history.db cannot be used: {cause.Message.TrimEnd('.')}", null);
        }
    }

    /// <summary>Whether it has the tables that this program works with. False too when it cannot be read.</summary>
    public bool IsCurrent()
    {
        try
        {
            return HistoryDatabase.IsCurrent(history);
        }
        catch (SqliteException)
        {
            return false;
        }
    }

    /// <summary>
    /// What can still be read of a history that is damaged or whose disk takes nothing: the head, and the active version if it is whole
    /// (its digest says so). Writes nothing.
    /// </summary>
    public (VersionStore.Head? Head, ActiveVersion? Active) Salvage()
    {
        SqliteConnection.ClearAllPools(); // a connection that is open keeps this one from the file
        VersionStore.Head? head = null;
        try
        {
            if (new FileInfo(folder.DatabaseFile) is not { Exists: true, Length: > 0 })
                return default;
            using var db = HistoryDatabase.OpenForReading(folder.DatabaseFile);
            head = VersionStore.HeadOf(db);
            return (head, head.Active is { } number && VersionStore.Served(db, number) is { } version ? vault.SealStored(version) : null);
        }
        catch (Exception e) when (e is SqliteException or InvalidOperationException or InvalidDataException or InvalidCastException
            or FormatException or ArgumentException or IOException)
        {
            return (head, null); // that bytes which are not what they were cannot be read is no news here
        }
    }

    /// <summary>
    /// Renames a damaged history and begins a new one without versions. Gives the new name; null when there was nothing worth keeping.
    /// </summary>
    /// <exception cref="IOException">It cannot be renamed.</exception>
    /// <exception cref="SqliteException">A new one cannot be made: the disk is full.</exception>
    public string? SetAside()
    {
        SqliteConnection.ClearAllPools(); // those that are open hold the old file
        var aside = $"{folder.DatabaseFile}.damaged-{DateTime.UtcNow:yyyyMMdd'T'HHmmssfff'Z'}";
        var kept = false;
        foreach (var part in Parts)
        {
            var file = new FileInfo(folder.DatabaseFile + part);
            if (!file.Exists)
                continue;
            if (file.Length == 0 || part == "-shm")
                file.Delete();
            else
            {
                file.MoveTo(aside + part);
                kept = true;
            }
        }
        DurableFile.SyncDirectory(folder.Path);
        _ = OpenSound();
        return kept ? aside : null;
    }

    private VersionStore.Head OpenSound()
    {
        folder.MakeDatabaseFile();
        HistoryDatabase.Migrate(history);
        using var db = history.Open();
        return VersionStore.HeadOf(db);
    }
}
