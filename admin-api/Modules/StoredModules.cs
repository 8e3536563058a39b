using Managed.AdminApi.Hosting;
using Managed.Proxy;
using Microsoft.Data.Sqlite;

namespace Managed.AdminApi.Modules;

/// <summary>
/// The module table for the builders. What a build has used lies beside the database as a file too, so that the last good version can
/// be served when the database cannot be read.
/// </summary>
internal sealed class StoredModules(ModuleStore store, DataFolder folder) : ModuleSource
{
    public override StoredModule? Find(string nameOrDigest)
    {
        try
        {
            var digest = ModuleDigest.IsDigest(nameOrDigest) ? nameOrDigest : store.DigestOf(nameOrDigest);
            if (digest is null)
                return null;
            if (store.Content(digest) is not var (kind, content))
                return FromFile(digest); // the history was begun anew
            var module = new StoredModule(digest, store.NameOf(digest), kind, content);
            Keep(module);
            return module;
        }
        catch (SqliteException)
        {
            return FromFile(nameOrDigest);
        }
    }

    public override IReadOnlyList<string> Names
    {
        get
        {
            try
            {
                return store.Names();
            }
            catch (SqliteException)
            {
                return [];
            }
        }
    }

    /// <summary>Puts modules whose files are there into a history that lacks them; their names are lost.</summary>
    public void Restore(IEnumerable<string> digests)
    {
        foreach (var digest in digests)
            if (store.Content(digest) is null && FromFile(digest) is { } module)
                store.Add(new() { Digest = digest, Kind = module.Kind, Size = module.Content.Length, CreatedAt = DateTimeOffset.UtcNow, Author = "managed", Content = module.Content }, null);
    }

    /// <summary>The module is deleted: so is its copy.</summary>
    public void Forget(string digest)
    {
        foreach (var kind in (ReadOnlySpan<string>)["lua", "wasm"])
            if (PathOf(digest, kind) is var path && File.Exists(path))
                File.Delete(path);
    }

    private void Keep(StoredModule module)
    {
        var path = PathOf(module.Digest, module.Kind);
        if (File.Exists(path))
            return;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            DurableFile.Replace(path, module.Content);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The copy is for the day when the database is broken; the module itself is in it.
        }
    }

    private StoredModule? FromFile(string digest)
    {
        if (!ModuleDigest.IsDigest(digest))
            return null;
        foreach (var kind in (ReadOnlySpan<string>)["lua", "wasm"])
            if (ReadIfThere(PathOf(digest, kind)) is { } content && ModuleDigest.Of(content) == digest)
                return new(digest, null, kind, content);
        return null;
    }

    private static byte[]? ReadIfThere(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllBytes(path) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private string PathOf(string digest, string kind) => Path.Combine(folder.ModulesFolder, $"{digest["sha256:".Length..]}.{kind}");
}
