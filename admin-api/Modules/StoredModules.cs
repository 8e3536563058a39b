using Managed.AdminApi.Hosting;
using Managed.Migrations;
using Managed.Proxy.Configuration;
using Microsoft.Data.Sqlite;

namespace Managed.AdminApi.Modules;

/// <summary>
/// The module table for the builders. What a build has used lies beside the database as a file too, so that the last good version can
/// be served when the database cannot be read.
/// </summary>
internal sealed class StoredModules(ModuleStore store, DataFolder folder) : ModuleSource
{
    /// <summary>Kind of what a <c>filename</c> led to; stored as modules are, and none.</summary>
    public const string FileKind = "file";

    /// <summary>Kind of a value that must not be seen, encrypted; found by the digest of its mark alone.</summary>
    public const string SecretKind = "secret";
    /// <summary>Of the digests of secrets; as long as <c>sha256:</c>.</summary>
    public const string SecretPrefix = "secret:";

    private static readonly string[] Code = ["lua", "wasm", "dotnet"];

    public override StoredModule? Find(string nameOrDigest)
    {
        try
        {
            var digest = ModuleDigest.IsDigest(nameOrDigest) ? nameOrDigest : store.DigestOf(nameOrDigest);
            if (digest is null)
                return null;
            if (store.Content(digest) is not var (kind, content))
                return FromFile(digest, Code); // the history was begun anew
            if (kind is FileKind or SecretKind)
                return null; // a file of a version is no module: whoever knows its digest must not read it as one
            var module = new StoredModule(digest, store.NameOf(digest), kind, content);
            Keep(module);
            return module;
        }
        catch (SqliteException)
        {
            return FromFile(nameOrDigest, Code);
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

    /// <summary>Puts modules and files of versions whose copies are there into a history that lacks them; their names are lost.</summary>
    public void Restore(IEnumerable<string> digests)
    {
        foreach (var digest in digests)
            if (store.Content(digest) is null && FromFile(digest, [.. Code, FileKind]) is { } module)
                store.Add(new() { Digest = digest, Kind = module.Kind, Size = module.Content.Length, CreatedAt = DateTimeOffset.UtcNow,
                    Author = "managed", Content = module.Content }, null);
    }

    /// <summary>The bytes of a file that a version named when it was made.</summary>
    /// <param name="sha256">64 hexadecimal digits.</param>
    public byte[]? File(string sha256)
    {
        var digest = "sha256:" + sha256;
        try
        {
            if (store.Content(digest)?.Content is not { } content)
                return FromFile(digest, [FileKind, .. Code])?.Content; // the history was begun anew
            Keep(new(digest, null, FileKind, content));
            return content;
        }
        catch (SqliteException)
        {
            return FromFile(digest, [FileKind, .. Code])?.Content;
        }
    }

    /// <summary>An encrypted value by the digits of its mark; null when there is none.</summary>
    public byte[]? Secret(string digest)
    {
        try
        {
            if (store.Content(SecretPrefix + digest) is not var (kind, content) || kind != SecretKind)
                return ReadIfThere(PathOf(SecretPrefix + digest, SecretKind)); // the history was begun anew
            KeepSecrets([(SecretPrefix + digest, content)]);
            return content;
        }
        catch (SqliteException)
        {
            return ReadIfThere(PathOf(SecretPrefix + digest, SecretKind));
        }
    }

    /// <summary>Copies encrypted values beside the database.</summary>
    public void KeepSecrets(IEnumerable<(string Digest, byte[] Content)> secrets)
        => KeepCopies(secrets.Select(s => (PathOf(s.Digest, SecretKind), s.Content)));

    /// <summary>Puts secrets of versions whose copies are there into a history that lacks them.</summary>
    public void RestoreSecrets(IEnumerable<string> digests)
    {
        foreach (var digest in digests.Select(d => SecretPrefix + d))
            if (store.Content(digest) is null && ReadIfThere(PathOf(digest, SecretKind)) is { } content)
                store.Add(new() { Digest = digest, Kind = SecretKind, Size = 0, CreatedAt = DateTimeOffset.UtcNow, Author = "managed",
                    Content = content }, null);
    }

    /// <summary>A file to be stored with the version that names it.</summary>
    public static ModuleRow FileRow(string sha256, byte[] content, string author, DateTimeOffset now) =>
        new() { Digest = "sha256:" + sha256, Kind = FileKind, Size = content.Length, CreatedAt = now, Author = author, Content = content };

    /// <summary>Digests of which there are copies that were last written before a time.</summary>
    public IReadOnlyList<string> Copies(DateTimeOffset olderThan) => !Directory.Exists(folder.ModulesFolder) ? []
        : [.. new DirectoryInfo(folder.ModulesFolder).EnumerateFiles().Where(f => f.LastWriteTimeUtc < olderThan)
            .Select(f => "sha256:" + Path.GetFileNameWithoutExtension(f.Name)).Where(ModuleDigest.IsDigest).Distinct()];

    /// <summary>The bytes of a file are a secret from now on: their plain copy goes.</summary>
    public void ForgetFile(string sha256) => System.IO.File.Delete(PathOf("sha256:" + sha256, FileKind));

    /// <summary>The module or file is gone: so is its copy.</summary>
    public void Forget(string digest)
    {
        foreach (var kind in (ReadOnlySpan<string>)[.. Code, FileKind, SecretKind])
            if (PathOf(digest, kind) is var path && System.IO.File.Exists(path))
                System.IO.File.Delete(path);
    }

    private void Keep(StoredModule module) => KeepCopies([(PathOf(module.Digest, module.Kind), module.Content)]);

    private void KeepCopies(IEnumerable<(string Path, byte[] Content)> copies)
    {
        try
        {
            (string, byte[])[] missing = [.. copies.Where(c => !System.IO.File.Exists(c.Path))];
            if (missing.Length == 0)
                return;
            Directory.CreateDirectory(folder.ModulesFolder);
            DurableFile.ReplaceAll(missing);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The copy is for the day when the database is broken; the module itself is in it.
        }
    }

    private StoredModule? FromFile(string digest, ReadOnlySpan<string> kinds)
    {
        if (!ModuleDigest.IsDigest(digest))
            return null;
        foreach (var kind in kinds)
            if (ReadIfThere(PathOf(digest, kind)) is { } content && ModuleDigest.Of(content) == digest)
                return new(digest, null, kind, content);
        return null;
    }

    private static byte[]? ReadIfThere(string path)
    {
        try
        {
            return System.IO.File.Exists(path) ? System.IO.File.ReadAllBytes(path) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private string PathOf(string digest, string kind) => Path.Combine(folder.ModulesFolder, $"{digest["sha256:".Length..]}.{kind}");
}
