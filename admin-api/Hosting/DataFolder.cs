namespace Managed.AdminApi.Hosting;

/// <summary>The folder with the history, the token and the last good copy; locked for this process as long as it is open.</summary>
internal sealed class DataFolder : IDisposable
{
    private readonly FileStream _lock;

    private DataFolder(string path, FileStream hold) => (Path, _lock) = (path, hold);

    public string Path { get; }
    public string DatabaseFile => System.IO.Path.Combine(Path, "history.db");
    public string LastGoodFile => System.IO.Path.Combine(Path, "last-good.json");
    public string ModulesFolder => System.IO.Path.Combine(Path, "modules");
    /// <summary>Compiled and fetched modules. What is deleted is compiled or fetched again when it is needed.</summary>
    public string WasmCacheFolder => System.IO.Path.Combine(Path, "cache", "wasm");
    public string TokenFile => System.IO.Path.Combine(Path, "admin-token");

    /// <summary>What no configuration may name: beginnings of paths. All that this program writes into the folder is to be here.</summary>
    public IEnumerable<string> Own => ((string[])["history.db", "last-good", "modules", "cache", "admin-token", "lock", "sign-in", "backup"]).Select(n => System.IO.Path.Combine(Path, n));

    /// <exception cref="StartException">It cannot be made, written, or is in use.</exception>
    public static DataFolder Open(string path)
    {
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
            // Made here and not by SQLite, whose files everybody may read; the log beside it takes over the mode.
            if (!File.Exists(folder.DatabaseFile))
                new FileStream(folder.DatabaseFile, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }).Dispose();
            return folder;
        }
        catch (IOException)
        {
            throw new StartException($"the data folder {path} is in use by another process");
        }
        catch (UnauthorizedAccessException e)
        {
            throw new StartException($"cannot write to the data folder {path}: {e.Message}");
        }
    }

    public void Dispose() => _lock.Dispose();
}
