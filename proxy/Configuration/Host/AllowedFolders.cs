namespace Managed.Proxy.Configuration.Host;

/// <summary>The folders in which configurations from outside may name files, and what in them is not theirs all the same.</summary>
public sealed class AllowedFolders
{
    // What lies there is the kernel's, not a file of anybody.
    private static readonly string[] Never = ["/proc", "/sys", "/dev"];

    private readonly string[] _folders, _own;

    /// <param name="folders">Each with all below it.</param>
    /// <param name="own">Beginnings of paths that are never allowed: <c>/data/history.db</c> stands for <c>/data/history.db-wal</c>
    /// too.</param>
    public AllowedFolders(IEnumerable<string> folders, IEnumerable<string> own)
    {
        _folders = [.. WithReal(folders)];
        _own = [.. own.Select(Path.GetFullPath).SelectMany(p => RealParent(p) is { } real && real != p ? new[] { p, real } : [p])];
    }

    /// <summary>Why a path may not be used, as the end of a sentence that begins with it; null when it may.</summary>
    /// <param name="path">Absolute and without dots. A path may lead elsewhere by a link, so ask again with where it leads.</param>
    public string? Refusal(string path)
    {
        if (Never.Any(f => IsBelow(path, f)) || !_folders.Any(f => IsBelow(path, f)))
            return "is outside the folders that the operator allowed (--allow-files)";
        return _own.Any(o => path.StartsWith(o, StringComparison.Ordinal)) ? "is the data folder's own" : null;
    }

    private static bool IsBelow(string path, string folder)
        => folder == "/" || path == folder || path.StartsWith(folder + "/", StringComparison.Ordinal);

    private static IEnumerable<string> WithReal(IEnumerable<string> folders)
    {
        foreach (string folder in folders)
        {
            string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
            yield return full;
            if (HostFile.RealPathOf(full) is { } real && real != full) yield return real;
        }
    }

    private static string? RealParent(string path)
        => Path.GetDirectoryName(path) is { } parent
        && HostFile.RealPathOf(parent) is { } real ? Path.Combine(real, Path.GetFileName(path)) : null;
}
