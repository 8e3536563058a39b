namespace Managed.AdminApi.Hosting;

/// <summary>The folder with the history, the token and the last good copy; locked for this process as long as it is open.</summary>
internal sealed class DataFolder : IDisposable
{
    private const int WouldBlock = 11; // EWOULDBLOCK of flock
    private readonly FileStream? _lock;

    private DataFolder(string path, FileStream? hold) => (Path, _lock) = (path, hold);

    public string Path { get; }
    public string DatabaseFile => System.IO.Path.Combine(Path, "history.db");
    public string LastGoodFile => System.IO.Path.Combine(Path, "last-good.json");
    public string ModulesFolder => System.IO.Path.Combine(Path, "modules");
    /// <summary>Compiled and fetched modules. What is deleted is compiled or fetched again when it is needed.</summary>
    public string WasmCacheFolder => System.IO.Path.Combine(Path, "cache", "wasm");
    public string TokenFile => System.IO.Path.Combine(Path, "admin-token");
    /// <summary>The address of the admin port while the node runs, for <c>managed sign-in</c>.</summary>
    public string AddressFile => System.IO.Path.Combine(Path, "admin-address");

    /// <exception cref="StartException">It cannot be made, written, or is in use.</exception>
    public static DataFolder Open(string path)
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
            var hold = new FileStream(System.IO.Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            var folder = new DataFolder(path, hold);
            File.Delete(folder.AddressFile); // of a run that was killed
            // Made here and not by SQLite, whose files everybody may read; the log beside it takes over the mode.
            if (!File.Exists(folder.DatabaseFile))
                new FileStream(folder.DatabaseFile, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }).Dispose();
            return folder;
        }
        catch (IOException e) when (e.HResult == WouldBlock)
        {
            throw new StartException($"the data folder {path} is in use by another process");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartException($"cannot write to the data folder {path}: {e.Message}");
        }
    }

    /// <summary>The folder of a node that runs, seen from another process: nothing is locked or made.</summary>
    /// <exception cref="StartException">None runs there.</exception>
    public static DataFolder OfRunningNode(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        var file = System.IO.Path.Combine(path, "lock");
        try
        {
            // A shared lock is refused as long as a node has the folder. What lies beside is then its own, not that of a run that was killed.
            new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read).Dispose();
        }
        catch (IOException e) when (e.HResult == WouldBlock)
        {
            return new(path, null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartException($"no node runs on the data folder {path}: {e.Message}");
        }
        throw new StartException($"no node runs on the data folder {path}; --data-dir or MANAGED_DATA_DIR names another");
    }

    public void Dispose()
    {
        if (_lock is null)
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
}
