using System.Net;
using Managed.Proxy.Configuration.Host;
using MaxMind.Db;

namespace Managed.Proxy.Http.Filters.Geoip;

/// <summary>
/// A database file in MaxMind's format, in memory, over the versions that name it. One thread of the process looks once a second whether
/// it has changed; who asks meanwhile has the former one.
/// </summary>
internal sealed class GeoDatabase
{
    private const long MostBytes = 1 << 30;

    private static readonly Lock Gate = new();
    private static readonly List<WeakReference<GeoDatabase>> Watched = [];
    private static readonly ManualResetEvent Never = new(false);
    private static bool s_watches;

    private readonly string _path;
    private (DateTime, long) _seen;
    private volatile Reader _reader;
    private int _taken, _refused;

    private GeoDatabase(string path, Reader reader, (DateTime, long) seen) => (_path, _reader, _seen) = (path, reader, seen);

    /// <summary>Counts the files that were read. Any thread.</summary>
    public int Generation { get; private set; }

    /// <param name="path">Absolute.</param>
    /// <param name="folders">Where it has to lie; null: anywhere.</param>
    /// <exception cref="Exception">It is not there, or is no such file.</exception>
    public static GeoDatabase Open(string path, AllowedFolders? folders)
    {
        var seen = StateOf(path);
        var database = new GeoDatabase(path, Read(path, folders), seen);
        lock (Gate)
        {
            Watched.Add(new WeakReference<GeoDatabase>(database));
            if (s_watches) return database;
            s_watches = true;
            new Thread(Watch) { Name = "geoip", IsBackground = true }.Start();
        }
        return database;
    }

    /// <summary>What is known of an address; null: nothing. Any thread.</summary>
    /// <exception cref="InvalidDatabaseException">The file is broken there.</exception>
    public Dictionary<string, object>? Find(IPAddress address)
        => address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 && _reader.Metadata.IPVersion == 4 ? null
            : _reader.Find<Dictionary<string, object>>(address);

    /// <summary>How often it was read anew, and could not be, since it was last asked. Any thread.</summary>
    public (int Taken, int Refused) TakeReloads()
        => (_taken | _refused) == 0 ? default : (Interlocked.Exchange(ref _taken, 0), Interlocked.Exchange(ref _refused, 0));

    // In memory: nothing is read from the disk when it is asked.
    private static Reader Read(string path, AllowedFolders? folders)
        => HostFile.Read(path, MostBytes, folders, out string? wrong, out _) is { } content ? new Reader(new MemoryStream(content))
            : throw new InvalidDataException(wrong);

    private static (DateTime, long) StateOf(string path)
    {
        var file = new FileInfo(path);
        return file.Exists ? (file.LastWriteTimeUtc, file.Length) : default;
    }

    private static void Watch()
    {
        while (true)
        {
            Never.WaitOne(1000);
            GeoDatabase[] all;
            lock (Gate)
            {
                Watched.RemoveAll(held => !held.TryGetTarget(out _));
                all = [.. Watched.Select(held => held.TryGetTarget(out var there) ? there : null).OfType<GeoDatabase>()];
                if (all.Length == 0)
                {
                    s_watches = false;
                    return;
                }
            }
            foreach (var database in all) database.Look();
            Array.Clear(all); // this thread keeps none
        }
    }

    // A file that is gone, or half written, stays what it was.
    private void Look()
    {
        try
        {
            var now = StateOf(_path);
            if (now == _seen || now == default) return;
            _seen = now;
            _reader = Read(_path, null); // what it may name was settled
            Generation++;
            Interlocked.Increment(ref _taken);
        }
        catch (Exception)
        {
            Interlocked.Increment(ref _refused);
        }
    }
}
