namespace Managed.AdminApi.Hosting;

/// <summary>
/// The folder with the history, the token and the last good copy; locked for this process as long as it is open. The lock's file also
/// says whether the folder is in its first start: it holds a word until a version is live, so that a first start that failed (a port
/// in use) can be tried again, while a folder that has lost its history is never taken for a new one.
/// </summary>
internal sealed class DataFolder : IDisposable
{
    private const int WouldBlock = 11; // EWOULDBLOCK of flock
    private const string FirstStart = "first start\n";
    private static readonly string[] Traces = ["history.db*", "last-good.json*", "admin-token*", "modules"];
    private readonly FileStream? _lock;
    private bool _handedOver;

    private DataFolder(string path, FileStream? hold, bool isNew) => (Path, _lock, IsNew) = (path, hold, isNew);

    public string Path { get; }
    /// <summary>Nothing in it says that a version was ever live.</summary>
    public bool IsNew { get; private set; }
    public string DatabaseFile => System.IO.Path.Combine(Path, "history.db");
    public string LastGoodFile => System.IO.Path.Combine(Path, "last-good.json");
    public string ModulesFolder => System.IO.Path.Combine(Path, "modules");
    /// <summary>Compiled and fetched modules. What is deleted is compiled or fetched again when it is needed.</summary>
    public string WasmCacheFolder => System.IO.Path.Combine(Path, "cache", "wasm");
    /// <summary>Where documents find filters in C# unless the operator says another folder.</summary>
    public string PluginsFolder => System.IO.Path.Combine(Path, "plugins");
    /// <summary>Accounts and certificates of authorities, encrypted.</summary>
    public string AcmeFolder => System.IO.Path.Combine(Path, "acme");
    /// <summary>What the charts show of the time before this process.</summary>
    public string TrafficFile => System.IO.Path.Combine(Path, "traffic-history");
    /// <summary>The keys that secrets are encrypted with.</summary>
    public string KeysFolder => System.IO.Path.Combine(Path, "keys");
    public string TokenFile => System.IO.Path.Combine(Path, "admin-token");
    /// <summary>The address of the admin port while the node runs, for <c>managed sign-in</c>.</summary>
    public string AddressFile => System.IO.Path.Combine(Path, "admin-address");

    /// <summary>What no configuration may name: beginnings of paths. All that this program writes into the folder is to be here.</summary>
    public IEnumerable<string> Own
        => ((string[])["history.db", "last-good", "modules", "plugins", "keys", "cache", "admin-token", "admin-address", "lock", "backup",
            "take-over", "acme", "traffic-history"])
            .Select(n => System.IO.Path.Combine(Path, n));

    /// <exception cref="StartException">It cannot be made, written, or is in use.</exception>
    public static DataFolder Open(string path)
        => TryOpen(path) ?? throw new StartException($"the data folder {System.IO.Path.GetFullPath(path)} is in use by another process");

    /// <summary>The same; null when another process has it.</summary>
    public static DataFolder? TryOpen(string path)
    {
        if (path.Length == 0)
            throw new StartException("--data-dir: the name of the folder is empty");
        path = System.IO.Path.GetFullPath(path);
        try
        {
            if (!Directory.Exists(path))
                Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartException($"cannot create the data folder {path}: {e.Message}");
        }
        try
        {
            // FileShare.None is flock(LOCK_EX | LOCK_NB): the kernel drops it when the process ends in whatever way.
            var hold = new FileStream(System.IO.Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None,
                bufferSize: 0);
            var folder = new DataFolder(path, hold, IsInFirstStart(path, hold));
            File.Delete(folder.AddressFile); // of a run that was killed
            return folder;
        }
        catch (IOException e) when (e.HResult == WouldBlock)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartException($"cannot write to the data folder {path}: {e.Message}");
        }
    }

    /// <summary>The folder of another process, which has handed its lock to this one.</summary>
    public static DataFolder Inherited(string path, Microsoft.Win32.SafeHandles.SafeFileHandle held)
        => new(System.IO.Path.GetFullPath(path), new FileStream(held, FileAccess.ReadWrite, bufferSize: 0), isNew: false);

    /// <summary>The lock, to be handed to another process: held as long as one of them has it open.</summary>
    public int LockDescriptor => (int)_lock!.SafeFileHandle.DangerousGetHandle();

    /// <summary>Another process has the folder: what is in it is its own.</summary>
    public void HandOver()
    {
        _handedOver = true;
        // Closing it would unlock it, also for the other: flock belongs to the open file, which both have. The end of the process does not.
        GC.SuppressFinalize(_lock!.SafeFileHandle);
        GC.SuppressFinalize(_lock);
    }

    /// <summary>A version is live: from now on the folder has a history.</summary>
    public void MarkUsed()
    {
        if (!IsNew)
            return;
        IsNew = false;
        _lock!.SetLength(0); // takes no space
        _lock.Flush(flushToDisk: true);
    }

    /// <summary>
    /// Makes the database's file when there is none: made by SQLite everybody might read it; the log beside it takes over the mode.
    /// </summary>
    public void MakeDatabaseFile()
    {
        if (!File.Exists(DatabaseFile))
            new FileStream(DatabaseFile, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }).Dispose();
    }

    /// <summary>The folder of a node that runs, seen from another process: nothing is locked or made.</summary>
    /// <exception cref="StartException">None runs there.</exception>
    public static DataFolder OfRunningNode(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        var file = System.IO.Path.Combine(path, "lock");
        try
        {
            // A shared lock is refused as long as a node has the folder. What lies beside is then its own, not that of a run that was
            // killed.
            new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read).Dispose();
        }
        catch (IOException e) when (e.HResult == WouldBlock)
        {
            return new(path, null, isNew: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartException($"no node runs on the data folder {path}: {e.Message}");
        }
        throw new StartException($"no node runs on the data folder {path}; --data-dir or MANAGED_DATA_DIR names another");
    }

    public void Dispose()
    {
        if (_lock is null || _handedOver)
            return;
        try
        {
            File.Delete(AddressFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next start deletes it.
        }
        _lock.Dispose();
    }

    private static bool IsInFirstStart(string path, FileStream hold)
    {
        var first = System.Text.Encoding.ASCII.GetBytes(FirstStart);
        var held = new byte[first.Length];
        if (hold.ReadAtLeast(held, held.Length, throwOnEndOfStream: false) == held.Length && held.AsSpan().SequenceEqual(first))
            return true;
        if (Traces.Any(t => Directory.EnumerateFileSystemEntries(path, t).Any()))
            return false;
        try
        {
            hold.Position = 0;
            hold.Write(first);
            hold.Flush(flushToDisk: true);
        }
        catch (IOException e)
        {
            hold.Dispose(); // nothing is left that the next start could take for a history
            throw new StartException($"cannot write to the data folder {path}: {e.Message}");
        }
        return true;
    }
}
