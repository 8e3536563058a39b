using System.Text.Json;
using Managed.Migrations;
using Microsoft.EntityFrameworkCore;

namespace Managed.AdminApi.Modules;

/// <summary>A stored module without its content.</summary>
/// <param name="UsedBy">Versions that need it, newest first.</param>
internal sealed record ModuleView(string Digest, string Kind, IReadOnlyList<string> Names, long Size, DateTimeOffset CreatedAt,
    string Author, string? Abi,
    IReadOnlyList<string> Imports, IReadOnlyList<string> Exports, IReadOnlyList<long> UsedBy);

/// <summary>Scripts and Wasm modules, stored once per content and found by digest or by name.</summary>
internal sealed class ModuleStore(HistoryAccess history)
{
    /// <summary>Stores a module and points a name at it. True when the content is new.</summary>
    public bool Add(ModuleRow module, string? name)
    {
        using var db = history.Map();
        // The same bytes as a file that a version names: a module from now on, and that file still.
        db.Modules.Where(m => m.Digest == module.Digest && m.Kind == StoredModules.FileKind)
            .ExecuteUpdate(set => set.SetProperty(m => m.Kind, module.Kind).SetProperty(m => m.Abi, module.Abi)
                .SetProperty(m => m.Imports, module.Imports).SetProperty(m => m.Exports, module.Exports));
        // Uploaded again to be used: as long as it is neither named nor used, it is as young as that.
        var isNew = db.Modules.Where(m => m.Digest == module.Digest)
            .ExecuteUpdate(set => set.SetProperty(m => m.CreatedAt, m =>
                db.VersionModules.Any(v => v.Digest == m.Digest) || db.ModuleNames.Any(n => n.Digest == m.Digest)
                    ? m.CreatedAt : module.CreatedAt)) == 0;
        if (isNew)
            db.Modules.Add(module);
        if (name is not null)
            Point(db, name, module.Digest);
        db.SaveChanges();
        return isNew;
    }

    /// <summary>Points a name at a stored module; false when there is no such module.</summary>
    public bool Name(string name, string digest)
    {
        using var db = history.Map();
        if (!db.Modules.Any(m => m.Digest == digest && m.Kind != StoredModules.FileKind
            && m.Kind != StoredModules.SecretKind))
            return false;
        Point(db, name, digest);
        db.SaveChanges();
        return true;
    }

    public string? DigestOf(string name)
    {
        using var db = history.Open();
        return db.Value("SELECT digest FROM module_names WHERE name = $1", name) as string;
    }

    /// <summary>One of the names that point at it.</summary>
    public string? NameOf(string digest)
    {
        using var db = history.Open();
        return db.Value("SELECT name FROM module_names WHERE digest = $1 ORDER BY name LIMIT 1", digest) as string;
    }

    public ModuleView? Find(string digest) => Views(m => m.Digest == digest && m.Kind != StoredModules.FileKind
            && m.Kind != StoredModules.SecretKind).FirstOrDefault();

    public IReadOnlyList<ModuleView> List() =>
        Views(m => m.Kind != StoredModules.FileKind && m.Kind != StoredModules.SecretKind);

    public (string Kind, byte[] Content)? Content(string digest)
    {
        using var db = history.Open();
        return db.Rows("SELECT kind, content FROM modules WHERE digest = $1", r => (r.GetString(0), r.GetFieldValue<byte[]>(1)),
            digest) is [var module] ? module : null;
    }

    /// <summary>Deletes a module and its names; gives the versions that need it instead when there are any.</summary>
    public IReadOnlyList<long> Delete(string digest)
    {
        using var db = history.Map();
        var users = db.VersionModules.Where(m => m.Digest == digest).Select(m => m.Version).OrderDescending().ToList();
        if (users.Count == 0)
            db.Modules.Where(m => m.Digest == digest).ExecuteDelete();
        return users;
    }

    public IReadOnlyList<string> Names()
    {
        using var db = history.Open();
        return db.Rows("SELECT name FROM module_names", r => r.GetString(0));
    }

    private static void Point(HistoryContext db, string name, string digest)
    {
        if (db.ModuleNames.Find(name) is { } known)
            (known.Digest, known.UpdatedAt) = (digest, DateTimeOffset.UtcNow);
        else
            db.ModuleNames.Add(new() { Name = name, Digest = digest, UpdatedAt = DateTimeOffset.UtcNow });
    }

    private IReadOnlyList<ModuleView> Views(System.Linq.Expressions.Expression<Func<ModuleRow, bool>> which)
    {
        using var db = history.Map();
        var rows = db.Modules.AsNoTracking().Where(which).OrderByDescending(m => m.CreatedAt).ThenBy(m => m.Digest)
            .Select(m => new { m.Digest, m.Kind, m.Size, m.CreatedAt, m.Author, m.Abi, m.Imports, m.Exports }).ToList();
        var digests = rows.Select(r => r.Digest).ToList();
        var names = db.ModuleNames.AsNoTracking().Where(n => digests.Contains(n.Digest)).ToLookup(n => n.Digest, n => n.Name);
        var users = db.VersionModules.AsNoTracking().Where(m => digests.Contains(m.Digest)).ToLookup(m => m.Digest, m => m.Version);
        return
        [
            .. rows.Select(m => new ModuleView(m.Digest, m.Kind, [.. names[m.Digest].Order()], m.Size, m.CreatedAt, m.Author, m.Abi,
                JsonSerializer.Deserialize<List<string>>(m.Imports) ?? [], JsonSerializer.Deserialize<List<string>>(m.Exports) ?? [],
                    [.. users[m.Digest].OrderDescending()])),
        ];
    }
}
