using System.IO.Compression;
using Managed.AdminApi.Hosting;
using Managed.AdminApi.Modules;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Versions;
using Managed.Migrations;
using Managed.Proxy.Configuration;
using Microsoft.Data.Sqlite;

namespace Managed.AdminApi.Secrets;

/// <summary>
/// Takes the values out of a data folder that was written before secrets were encrypted: every version is stored anew with marks, the last
/// good copy too, and what the files of keys held goes. All versions at once or none; then the file is written anew, so that no page of
/// it keeps what was deleted. How far that is stands in the history's <c>user_version</c>: 0 not looked at, 1 still to be written anew, 2
/// done.
/// </summary>
internal sealed class SecretSweep(DataFolder folder, HistoryAccess history, StoredModules stored, SecretVault vault, LastGoodFile lastGood,
    ILogger<SecretSweep> logger)
{
    private const long Rewritten = 1;

    // Where none of these stands in the JSON of a version there is nothing to take out.
    private static readonly byte[][] Signs =
        [.. SensitiveFields.Names.Where(n => !n.OnlyWithPrivateKey)
            .SelectMany(n => (string[])[n.Name, FieldName.Camel(n.Name), "PRIVATE KEY"]).Distinct()
            .Select(System.Text.Encoding.UTF8.GetBytes)];

    /// <summary>Before anything is read from the folder. What cannot be done now is done at the next start.</summary>
    public void Run()
    {
        var begun = false;
        try
        {
            if (new FileInfo(folder.DatabaseFile) is not { Exists: true, Length: > 0 })
                return;
            using var db = history.Open();
            db.Patience = 1;
            var state = (long)db.Value("PRAGMA user_version")!;
            if (state >= HistorySchema.WithoutPlainSecrets || db.Value("SELECT count(*) FROM sqlite_schema WHERE name = 'versions'") is 0L)
                return;
            begun = true;
            if (state < Rewritten)
                state = Rewrite(db);
            if (lastGood.Rewrite() || state == Rewritten)
                db.Execute("VACUUM");
            db.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
            db.Execute($"PRAGMA user_version = {HistorySchema.WithoutPlainSecrets}");
        }
        catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException or ApiException
            or InvalidDataException or InvalidOperationException)
        {
            if (begun) // else whoever opens the history says what is wrong with it
                SecretLog.SweepFailed(logger, e.GetBaseException().Message);
        }
    }

    private long Rewrite(HistoryConnection db)
    {
        db.Execute("PRAGMA secure_delete = ON");
        var numbers = db.Rows("SELECT number FROM versions ORDER BY number", r => r.GetInt64(0));
        db.Begin();
        var (changed, files) = (0, new HashSet<string>(StringComparer.Ordinal));
        foreach (var number in numbers)
            changed += Rewrite(db, number, files) ? 1 : 0;
        foreach (var file in files)
            db.Execute("DELETE FROM modules WHERE digest = $1 AND kind = $2 AND NOT EXISTS "
                + "(SELECT 1 FROM version_modules WHERE digest = $1)", "sha256:" + file, StoredModules.FileKind);
        db.Execute($"PRAGMA user_version = {(changed > 0 ? Rewritten : 0)}");
        db.Commit();
        foreach (var file in files)
            stored.ForgetFile(file);
        if (changed > 0)
            SecretLog.Swept(logger, changed);
        return changed > 0 ? Rewritten : 0;
    }

    private bool Rewrite(HistoryConnection db, long number, HashSet<string> files)
    {
        var row = db.Rows("SELECT document, digest, author FROM versions WHERE number = $1",
            r => (Document: r.GetFieldValue<byte[]>(0), Digest: r.GetString(1), Author: r.GetString(2)), number)[0];
        if (!MayHoldSecrets(row.Document))
            return false;
        var (values, plain) = (new SecretBag(), VersionDocument.Unpack(row.Document, row.Digest));
        var document = vault.Seal(plain, values);
        document = SealFiles(document, values, files, out var gone);
        if (ReferenceEquals(document, plain))
            return false;
        var (packed, digest) = VersionDocument.Pack(document);
        db.Execute("UPDATE versions SET document = $2, digest = $3 WHERE number = $1", number, packed, digest);
        var marks = SecretMarks.In(document);
        foreach (var secret in vault.Rows(marks, values, row.Author, DateTimeOffset.UtcNow))
            db.Execute("INSERT OR IGNORE INTO modules (digest, kind, size, created_at, author, imports, exports, content) VALUES "
                + "($1, $2, $3, $4, $5, '[]', '[]', $6)",
                secret.Digest, secret.Kind, secret.Size, secret.CreatedAt, secret.Author, secret.Content);
        foreach (var mark in marks)
            db.Execute("INSERT OR IGNORE INTO version_modules (version, digest) SELECT $1, digest FROM modules WHERE digest = $2", number,
                StoredModules.SecretPrefix + mark);
        foreach (var file in gone)
            db.Execute("DELETE FROM version_modules WHERE version = $1 AND digest = $2", number, "sha256:" + file);
        return true;
    }

    /// <summary>Files of keys that a version kept: from now on they are secrets.</summary>
    private ConfigObject SealFiles(ConfigObject document, SecretBag values, HashSet<string> files, out HashSet<string> gone)
    {
        gone = new(StringComparer.Ordinal);
        var sealedOnes = document.Clone();
        foreach (var reference in FileReference.In(sealedOnes))
            if (reference is { Sensitive: var (field, onlyWithKey), Sha256: { } sum } && SecretMark.DigestOf(sum) is null
                && stored.File(sum) is { } content && (!onlyWithKey || SensitiveFields.HoldsPrivateKey(content)))
            {
                reference.Node.Set("sha256", ConfigScalar.String(vault.Mark(field, content, values)));
                gone.Add(sum);
            }
        // The same bytes may be a page of the same version as well.
        gone.ExceptWith(FileReference.In(sealedOnes).Select(r => r.Sha256).OfType<string>());
        files.UnionWith(gone);
        return sealedOnes.IsCopyOf(document) ? document : sealedOnes;
    }

    private static bool MayHoldSecrets(byte[] stored)
    {
        using var gzip = new GZipStream(new MemoryStream(stored), CompressionMode.Decompress);
        using var json = new MemoryStream();
        gzip.CopyTo(json);
        return Array.Exists(Signs, s => json.GetBuffer().AsSpan(0, (int)json.Length).IndexOf(s) >= 0);
    }
}
