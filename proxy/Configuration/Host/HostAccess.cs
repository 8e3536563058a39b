namespace Managed.Proxy.Configuration.Host;

/// <summary>
/// What one document may take from the machine while it is built, and what it took. Without settings: everything, files from the disk.
/// For one document; builds of it one after another may share it.
/// </summary>
public sealed class HostAccess
{
    /// <summary>The uses that are told apart: what may be logged to must not become readable.</summary>
    internal const string LogFile = "access log", DataFile = "data file", Variable = "environment variable",
        FormatVariable = "%ENVIRONMENT%",
        GuestVariable = "host_env_keys";

    private static readonly string[] Streams = ["/dev/stdout", "/dev/stderr", "/dev/null"];

    private readonly HashSet<(string Use, string Name)> _used = [];
    private readonly List<string> _lacking = [];
    private List<(Task Work, Action Abandon)>? _pending;

    /// <summary>
    /// The bytes of a digest in hexadecimal, read when the version was made; null: <c>filename</c> sources are read from the disk.
    /// </summary>
    public Func<string, byte[]?>? Pinned { get; init; }

    /// <summary>
    /// The value that a mark stands for, told the sensitive field that it stands in and the mark's digits; null when none is kept for the
    /// two. Without it marks stand for nothing.
    /// </summary>
    public Func<string, string, byte[]?>? Secrets { get; init; }

    /// <summary>Where files may be written, and read that are no part of the version; null: anywhere.</summary>
    public AllowedFolders? Folders { get; init; }

    /// <summary>Names of environment variables, or their beginnings with a star behind; null: all.</summary>
    public IReadOnlyList<string>? Variables { get; init; }

    /// <summary>What may be used all the same, since it was before.</summary>
    public IReadOnlySet<(string Use, string Name)> Kept { get; set; } = new HashSet<(string, string)>();

    /// <summary>Where <see cref="Pinned"/> is given: why the files could not be read that have no digest, by their names.</summary>
    public Dictionary<string, (string Code, string Why)> Unreadable { get; } = new(StringComparer.Ordinal);

    /// <summary>
    /// What takes long is not waited for in the build but left to <see cref="TakePending"/>; the result is worth nothing then.
    /// </summary>
    public bool DefersWaiting { get; init; }

    /// <summary>
    /// Nothing is asked for over the network: code that is not here already stays unchecked, with a warning. The result is not for
    /// publication.
    /// </summary>
    public bool StaysOffline { get; init; }

    /// <summary>
    /// Code that cannot be had is done without, with a warning: its filters refuse, or pass on, what they would when their machine has
    /// failed.
    /// </summary>
    public bool MakesDo { get; init; }

    /// <summary>With <see cref="MakesDo"/>: what the last build did without, and why.</summary>
    public IReadOnlyList<string> Lacking => _lacking;

    internal void Lack(string what)
    {
        if (!_lacking.Contains(what)) _lacking.Add(what);
    }

    /// <summary>What was asked for outside of the document and what came of it: of one document the same is asked once.</summary>
    internal Dictionary<string, object> Answers { get; } = new(StringComparer.Ordinal);

    /// <summary>How often something from outside of the document was asked for: what is made of it is made anew by each build.</summary>
    internal long Asked { get; set; }

    /// <summary>What the document used so far.</summary>
    public IReadOnlySet<(string Use, string Name)> Used => _used;

    /// <summary>Why a file may not be appended to; null when it may.</summary>
    internal string? RefusalToLog(string path)
    {
        Asked++;
        string? refusal = Streams.Contains(path) || FoldersFor(LogFile, path) is not { } folders ? null : RefusalIn(folders, path);
        if (refusal is null) _used.Add((LogFile, path));
        return refusal;
    }

    /// <summary>
    /// Why a file may not be read that is no part of the version and is looked at again while it is in force; null when it may. Whoever
    /// reads it does so by <see cref="HostFile"/>.
    /// </summary>
    /// <param name="path">As it stands in the configuration.</param>
    /// <param name="folders">Where the file has to lie when it is opened; null: anywhere.</param>
    internal string? RefusalToRead(string path, out AllowedFolders? folders)
    {
        Asked++;
        folders = FoldersFor(DataFile, path);
        string? refusal = folders is null ? null : RefusalIn(folders, path);
        if (refusal is null) _used.Add((DataFile, path));
        return refusal;
    }

    private AllowedFolders? FoldersFor(string use, string path) => Kept.Contains((use, path)) ? null : Folders;

    private static string? RefusalIn(AllowedFolders folders, string path)
    {
        if (path.Contains('\0', StringComparison.Ordinal)) return "is no path";
        string full = Path.GetFullPath(path);
        if (folders.Refusal(full) is { } refusal) return refusal;
        // The file itself may be a link, or still to be made; its folder has to be there.
        return HostFile.RealPathOf(full) is { } real ? folders.Refusal(real)
            : new FileInfo(full).LinkTarget is not null ? "is a link to nowhere"
            : HostFile.RealPathOf(Path.GetDirectoryName(full)!) is { } folder
            ? folders.Refusal(Path.Combine(folder, Path.GetFileName(full))) : null;
    }

    /// <summary>Whether a variable of the proxy's environment may be read.</summary>
    internal bool MayRead(string use, string variable)
    {
        Asked++;
        bool may = Variables is null || Kept.Contains((use, variable))
            || Variables.Any(v => v.EndsWith('*') ? variable.StartsWith(v[..^1], StringComparison.Ordinal) : v == variable);
        if (may) _used.Add((use, variable));
        return may;
    }

    /// <summary>
    /// Adds what has to be done before the next build; <paramref name="abandon"/> is called once nobody waits for it here.
    /// </summary>
    internal void Defer(Task work, Action abandon) => (_pending ??= []).Add((work, abandon));

    /// <summary>Waits for what the last build left; null when it left nothing.</summary>
    public Task? TakePending(CancellationToken cancellation)
    {
        if (Interlocked.Exchange(ref _pending, null) is not { } pending) return null;
        return WaitAsync(pending, cancellation);
    }

    /// <summary>Leaves undone what the last build would wait for; false when it would not.</summary>
    public bool AbandonPending()
    {
        if (Interlocked.Exchange(ref _pending, null) is not { } pending) return false;
        foreach (var (_, abandon) in pending) abandon();
        return true;
    }

    private static async Task WaitAsync(List<(Task Work, Action Abandon)> pending, CancellationToken cancellation)
    {
        try
        {
            await Task.WhenAll(pending.Select(p => p.Work)).WaitAsync(cancellation);
        }
        finally
        {
            foreach (var (_, abandon) in pending) abandon();
        }
    }
}
