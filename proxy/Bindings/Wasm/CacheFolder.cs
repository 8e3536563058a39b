using System.Security.Cryptography;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>
/// A folder of files that may be lost at any time: machine code, and code that was fetched. Several processes may use it: a file appears
/// whole by its renaming, what is read is held against a digest by whoever reads it, and a file that is deleted while somebody reads it
/// stays with the reader.
/// </summary>
internal static class CacheFolder
{
    /// <summary>
    /// Sixteen modules of the largest size that is compiled, or some two hundred usual ones of 1 to 2 MiB with their machine code.
    /// </summary>
    public const long MaxBytes = 1L << 30;

    /// <summary>
    /// How names of machine code end. It goes first when the folder is full: it can be made again, while fetched code may be gone from
    /// where it was.
    /// </summary>
    public const string MachineCode = ".cwasm";

    private const string Unfinished = ".new";

    /// <summary>Null when it is not there or cannot be read. Reading makes it young.</summary>
    public static byte[]? Read(string folder, string name)
    {
        try
        {
            string file = Path.Combine(folder, name);
            if (!File.Exists(file)) return null;
            byte[] content = File.ReadAllBytes(file);
            Touch(folder, name);
            return content;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Makes it young. False when it is not there.</summary>
    public static bool Touch(string folder, string name)
    {
        string file = Path.Combine(folder, name);
        try
        {
            if (!File.Exists(file)) return false;
            File.SetLastWriteTimeUtc(file, TimeProvider.System.GetUtcNow().UtcDateTime);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another process has deleted it, or owns it.
        }
        return File.Exists(file);
    }

    /// <summary>False when it could not be written; nothing of it is left then.</summary>
    public static bool Write(string folder, string name, ReadOnlySpan<byte> head, ReadOnlySpan<byte> content)
    {
        string file = Path.Combine(folder, name), fresh = $"{file}.{Guid.NewGuid():N}{Unfinished}";
        try
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            using (var stream = new FileStream(fresh,
                new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write,
                    UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
            {
                stream.Write(head);
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }
            File.Move(fresh, file, overwrite: true);
            Trim(folder, name, MaxBytes);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Delete(fresh);
            return false;
        }
    }

    public static void Delete(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It goes another time.
        }
    }

    /// <summary>
    /// Deletes machine code, then fetched code, the longest unused first, until the rest fits; and what writers that ended before their
    /// time have left.
    /// </summary>
    /// <param name="keep">A name that stays.</param>
    internal static void Trim(string folder, string keep, long maxBytes)
    {
        var files = new DirectoryInfo(folder).GetFiles();
        var anHourAgo = TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(-1);
        foreach (var file in files)
            if (file.Name.EndsWith(Unfinished, StringComparison.Ordinal) && file.LastWriteTimeUtc < anHourAgo) Delete(file.FullName);
        var whole = files.Where(f => !f.Name.EndsWith(Unfinished, StringComparison.Ordinal)).ToList();
        long total = whole.Sum(f => f.Length);
        foreach (var file in whole.Where(f => f.Name != keep).OrderByDescending(f => f.Name.EndsWith(MachineCode, StringComparison.Ordinal))
            .ThenBy(f => f.LastWriteTimeUtc))
        {
            if (total <= maxBytes) return;
            total -= file.Length;
            Delete(file.FullName);
        }
    }

    /// <summary>Read, when the file begins with the SHA-256 of what follows.</summary>
    public static ReadOnlyMemory<byte>? ReadSealed(string folder, string name)
    {
        if (Read(folder, name) is not { Length: > SHA256.HashSizeInBytes } kept) return null;
        var content = kept.AsMemory(SHA256.HashSizeInBytes);
        if (!SHA256.HashData(content.Span).AsSpan().SequenceEqual(kept.AsSpan(0, SHA256.HashSizeInBytes))) return null;
        return content;
    }

    public static bool WriteSealed(string folder, string name, ReadOnlySpan<byte> content)
        => Write(folder, name, SHA256.HashData(content), content);
}
