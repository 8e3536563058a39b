using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using Managed.Proxy.Core;

namespace Managed.Proxy.Http.Filters.Cache;

/// <summary>What a cache's folder may hold, and how it is divided; of Envoy's FileSystemHttpCacheConfig.</summary>
internal sealed record FileLimits(string Folder, bool Creates, int Parts, long MostBytes, long MostEntry, int MostEntries,
    double EvictFraction, long MinPeriod, long MaxPeriod);

/// <summary>
/// The files of a cache behind its memory: what comes into one is written to the other, and what the memory has let go of is read again,
/// after a restart too. A file is named by the hash of its key, written under another name and renamed, so that it is whole or not there.
/// <para>Workers look into the index and ask; all that touches the disk is done by <see cref="FileThreads"/>: reads at once beside each
/// other, everything that changes the folder in the order in which it was asked for.</para>
/// </summary>
internal sealed class FileStore
{
    private const long MostWaiting = 32 << 20, MostReading = 64 << 20;
    private const int LaneTurn = 16;
    private const UnixFileMode OwnFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly FileLimits _limits;
    private readonly FileThreads _threads;
    private readonly ConcurrentDictionary<UInt128, KeptFile> _index = new();
    private readonly ConcurrentQueue<Action> _lane = new();
    private readonly Dictionary<UInt128, KeptFile> _onDisk = []; // of the lane, as all below
    private readonly long[] _counts = new long[Enum.GetValues<FileEvent>().Length];
    private Queue<KeptFile> _oldest = new();
    private long _bytes, _waiting, _reading, _lastEvicted, _lastScan, _temporary;
    private int _laneRuns, _news, _begun;
    private volatile bool _scanned;

    public FileStore(FileLimits limits, FileThreads threads)
    {
        (_limits, _threads) = (limits, threads);
        _lastEvicted = -limits.MinPeriod;
    }

    /// <summary>
    /// Looks through the folder, once. At the first request, not when it is made: what is only tried touches no disk, and removes nothing.
    /// </summary>
    public void Begin()
    {
        if (Volatile.Read(ref _begun) == 0 && Interlocked.Exchange(ref _begun, 1) == 0) InOrder(Scan);
    }

    public FileThreads Threads => _threads;
    /// <summary>As of the last change on the disk.</summary>
    public long UsedBytes => Volatile.Read(ref _bytes);
    public int Count => _index.Count;
    /// <summary>All changes that were asked for have been made.</summary>
    internal bool IsQuiet => _scanned && _lane.IsEmpty && Volatile.Read(ref _laneRuns) == 0;

    private static long Now => Environment.TickCount64;

    /// <summary>How often something happened since it was last asked; null when nothing has. Any thread.</summary>
    public long[]? TakeCounts()
    {
        if (_news == 0 || Interlocked.Exchange(ref _news, 0) == 0) return null;
        long[] taken = new long[_counts.Length];
        for (int i = 0; i < taken.Length; i++) taken[i] = Interlocked.Exchange(ref _counts[i], 0);
        return taken;
    }

    /// <summary>Has a file read, and the filter told on its worker. False: there is none, or the disk has no time for it.</summary>
    public bool TryRead(ReadOnlySpan<byte> key, CacheFilter filter, long turn, WorkerContext worker)
    {
        Begin();
        var name = NameOf(key);
        if (!_index.TryGetValue(name, out var file) || !file.IsReady) return false;
        if (_limits.MaxPeriod > 0 && _scanned && Now - Volatile.Read(ref _lastScan) > _limits.MaxPeriod)
        {
            _scanned = false;
            InOrder(Scan);
        }
        if (_threads.IsStuck || Interlocked.Add(ref _reading, file.Size) > MostReading)
        {
            if (!_threads.IsStuck) Interlocked.Add(ref _reading, -file.Size);
            Note(FileEvent.Late);
            return false;
        }
        file.Used = true;
        byte[] wanted = key.ToArray();
        if (_threads.TryPost(() =>
        {
            var read = Read(file, wanted);
            Interlocked.Add(ref _reading, -file.Size);
            worker.Post(static s =>
            {
                var (asked, at, found, from) = ((CacheFilter, long, CacheEntry?, KeptFile))s!;
                asked.OnRead(at, found, from);
            }, (filter, turn, read, file));
        })) return true;
        Interlocked.Add(ref _reading, -file.Size);
        Note(FileEvent.Late);
        return false;
    }

    /// <summary>Reads on this thread; null: there is none.</summary>
    internal CacheEntry? ReadNow(byte[] key)
    {
        if (!_index.TryGetValue(NameOf(key), out var file)) return null;
        file.Used = true;
        return Read(file, key);
    }

    /// <summary>It is still what its key has.</summary>
    public bool Has(KeptFile file) => _index.TryGetValue(file.Name, out var now) && ReferenceEquals(now, file);

    /// <summary>Has it written, in place of what its key has. Any thread.</summary>
    public void Write(CacheEntry entry)
    {
        if (entry.Body is not { } body) return;
        Begin();
        var name = NameOf(entry.Key);
        if (entry.Size > _limits.MostEntry || Interlocked.Add(ref _waiting, entry.Size) > MostWaiting)
        {
            if (entry.Size <= _limits.MostEntry)
            {
                Interlocked.Add(ref _waiting, -entry.Size);
                Note(FileEvent.Dropped);
            }
            Remove(entry.Key); // what is there is older
            return;
        }
        var file = new KeptFile(name);
        _index[name] = entry.File = file;
        InOrder(() =>
        {
            Interlocked.Add(ref _waiting, -entry.Size);
            if (Has(file)) WriteNow(file, CacheFile.Write(entry, body));
        });
    }

    /// <summary>Has the key's file removed; it is not found from now on. Any thread.</summary>
    public void Remove(ReadOnlySpan<byte> key)
    {
        Begin();
        var name = NameOf(key);
        if (_index.TryRemove(name, out _) || !_scanned) InOrder(() => Delete(name));
    }

    private static UInt128 NameOf(ReadOnlySpan<byte> key)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(key, hash);
        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }

    private string FolderOf(UInt128 name) => _limits.Parts <= 1 ? _limits.Folder
        : Path.Combine(_limits.Folder, string.Create(CultureInfo.InvariantCulture, $"cache_{(int)(name % (uint)_limits.Parts):0000}"));

    private string PathOf(UInt128 name) => Path.Combine(FolderOf(name), "cache-" + name.ToString("x32", CultureInfo.InvariantCulture));

    private void Note(FileEvent what)
    {
        Interlocked.Increment(ref _counts[(int)what]);
        _news = 1;
    }

    private void InOrder(Action work)
    {
        _lane.Enqueue(work);
        RunLane();
    }

    private void RunLane()
    {
        if (Interlocked.CompareExchange(ref _laneRuns, 1, 0) != 0) return;
        if (!_threads.TryPost(Lane)) Volatile.Write(ref _laneRuns, 0); // with the next change
    }

    // A few at a time: reads wait beside it.
    private void Lane()
    {
        for (int i = 0; i < LaneTurn && _lane.TryDequeue(out var work); i++)
        {
            try
            {
                work();
            }
            catch (Exception)
            {
                Note(FileEvent.WriteFailed); // whatever it was: what waits behind it goes on
            }
        }
        Volatile.Write(ref _laneRuns, 0);
        if (!_lane.IsEmpty) RunLane();
    }

    private CacheEntry? Read(KeptFile file, byte[] key)
    {
        try
        {
            using var handle = File.OpenHandle(PathOf(file.Name));
            long length = RandomAccess.GetLength(handle);
            if (length is > 0 and <= CacheFile.MostBytes)
            {
                byte[] bytes = GC.AllocateUninitializedArray<byte>((int)length);
                int at = 0;
                for (int read; at < bytes.Length && (read = RandomAccess.Read(handle, bytes.AsSpan(at), at)) > 0;) at += read;
                if (CacheFile.Read(bytes.AsSpan(0, at), key) is { } entry)
                {
                    entry.File = file;
                    Note(FileEvent.Read);
                    return entry;
                }
            }
        }
        catch (Exception)
        {
            // Gone, or the disk cannot read it, or there is no memory for it: as if it were damaged. A request waits for the answer.
        }
        if (!Has(file)) return null;
        Note(FileEvent.Damaged);
        if (_index.TryRemove(KeyValuePair.Create(file.Name, file))) InOrder(() => Delete(file.Name));
        return null;
    }

    private void WriteNow(KeptFile file, byte[] bytes)
    {
        string path = PathOf(file.Name), temporary = FormattableString.Invariant($"{path}.{Environment.ProcessId}-{++_temporary}.tmp");
        try
        {
            if (bytes.Length > _limits.MostEntry || _bytes + bytes.Length > 2 * _limits.MostBytes)
                throw new IOException("it is not to grow further");
            if (_limits.Parts > 1) Directory.CreateDirectory(FolderOf(file.Name));
            using (var to = new FileStream(temporary, new FileStreamOptions
                { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0, UnixCreateMode = OwnFile })) to.Write(bytes);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception)
        {
            Note(FileEvent.WriteFailed);
            _index.TryRemove(KeyValuePair.Create(file.Name, file));
            TryDelete(temporary);
            Delete(file.Name);
            return;
        }
        file.Size = bytes.Length;
        Take(file);
        file.IsReady = true;
        Note(FileEvent.Written);
        Evict();
    }

    private void Take(KeptFile file)
    {
        if (_onDisk.TryGetValue(file.Name, out var former)) _bytes -= former.Size;
        _onDisk[file.Name] = file;
        _bytes += file.Size;
        _oldest.Enqueue(file);
        if (_oldest.Count > 2 * _onDisk.Count + 16) _oldest = new(_oldest.Where(IsOnDisk));
    }

    private bool IsOnDisk(KeptFile file) => _onDisk.TryGetValue(file.Name, out var now) && ReferenceEquals(now, file);

    private void Delete(UInt128 name)
    {
        if (_onDisk.Remove(name, out var file))
        {
            _bytes -= file.Size;
            _index.TryRemove(KeyValuePair.Create(name, file));
        }
        TryDelete(PathOf(name));
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception)
        {
            // It stays; it is found in no index, and the next scan sees it again.
        }
    }

    // Those that were not asked for since they were last looked at, the oldest first.
    private void Evict()
    {
        if ((_bytes <= _limits.MostBytes && _onDisk.Count <= _limits.MostEntries) || Now - _lastEvicted < _limits.MinPeriod) return;
        _lastEvicted = Now;
        Note(FileEvent.EvictionRun);
        double left = 1 - _limits.EvictFraction;
        long bytes = (long)(_limits.MostBytes * left), entries = (long)(_limits.MostEntries * left);
        for (int turns = 2 * _oldest.Count; turns > 0 && (_bytes > bytes || _onDisk.Count > entries); turns--)
        {
            var file = _oldest.Dequeue();
            if (!IsOnDisk(file)) continue;
            if (!file.Used)
            {
                Delete(file.Name);
                Note(FileEvent.Evicted);
                continue;
            }
            file.Used = false;
            _oldest.Enqueue(file);
        }
    }

    // What lies in the folder, at the start and each max_eviction_period: files may come and go by others.
    private void Scan()
    {
        var there = new HashSet<UInt128>();
        try
        {
            if (_limits.Creates && !Directory.Exists(_limits.Folder))
                Directory.CreateDirectory(_limits.Folder, OwnFile | UnixFileMode.UserExecute);
            var found = new List<(KeptFile File, DateTime Written)>();
            var leftOver = TimeProvider.System.GetUtcNow().UtcDateTime.AddMinutes(-1);
            foreach (var file in new DirectoryInfo(_limits.Folder).EnumerateFiles("cache-*", new EnumerationOptions
                {
                    RecurseSubdirectories = _limits.Parts > 1, MaxRecursionDepth = 1,
                    AttributesToSkip = FileAttributes.ReparsePoint | FileAttributes.Device,
                }))
            {
                if (file.Name.EndsWith(".tmp", StringComparison.Ordinal) && file.LastWriteTimeUtc < leftOver)
                    TryDelete(file.FullName); // of a process that ended within
                if (file.Name.Length != 38 || !UInt128.TryParse(file.Name.AsSpan(6), NumberStyles.AllowHexSpecifier,
                    CultureInfo.InvariantCulture, out var name) || file.FullName != PathOf(name)) continue;
                there.Add(name);
                if (!_onDisk.ContainsKey(name)) found.Add((new KeptFile(name) { Size = file.Length }, file.LastWriteTimeUtc));
            }
            foreach (var (file, _) in found.OrderBy(f => f.Written))
            {
                Take(file);
                file.IsReady = true;
                _index.TryAdd(file.Name, file);
            }
            foreach (var name in _onDisk.Keys.Where(n => !there.Contains(n)).ToArray()) Delete(name);
            Evict();
        }
        finally
        {
            Volatile.Write(ref _lastScan, Now);
            _scanned = true;
        }
    }
}

/// <summary>What happens to files, counted.</summary>
internal enum FileEvent { Read, Written, WriteFailed, Dropped, Damaged, Late, EvictionRun, Evicted }

/// <summary>A file of a cache, as the index has it: another one when its key is written again.</summary>
internal sealed class KeptFile(UInt128 name)
{
    public UInt128 Name => name;
    public long Size;
    /// <summary>It is there to be read.</summary>
    public volatile bool IsReady;
    /// <summary>It has been asked for since it was last looked at.</summary>
    public volatile bool Used;
}
