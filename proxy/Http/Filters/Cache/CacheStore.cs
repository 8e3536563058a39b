using System.Collections.Concurrent;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.Cache;

/// <summary>
/// The responses of one filter, in memory, for all workers and versions. Looking up takes no lock and allocates nothing; what comes in
/// moves others out, those first that were not given since they were last looked at (second chance). What is still on its way counts
/// too: many long responses at once are not all kept.
/// </summary>
/// <param name="mostBytes">Of all together.</param>
/// <param name="mostEntries">Likewise.</param>
/// <param name="files">What is behind the memory; null: nothing.</param>
internal sealed class CacheStore(long mostBytes, int mostEntries, FileStore? files = null)
{
    public const long Bytes = 64 << 20;
    public const int Entries = 20_000;

    private readonly ConcurrentDictionary<byte[], CacheEntry> _entries = new(ByteKeys.Comparer);
    private readonly ConcurrentQueue<CacheEntry> _queue = new();
    private readonly ConcurrentDictionary<byte[], CacheFlight> _flights = new(ByteKeys.Comparer);
    // Not again what was given before a restart: files have them in their keys.
    private long _number = files is null ? 0 : TimeProvider.System.GetUtcNow().Ticks;
    private long _bytes, _coming;
    private int _count;

    public FileStore? Files => files;
    public long UsedBytes => Volatile.Read(ref _bytes);
    public int Count => Volatile.Read(ref _count);
    public int Waiting => _flights.Count;
    internal int Queued => _queue.Count;

    public long NextNumber() => Interlocked.Increment(ref _number);

    public CacheEntry? Find(ReadOnlySpan<byte> key)
    {
        if (!_entries.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out var entry)) return null;
        entry.Used = true;
        if (entry.File is { Used: false } file) file.Used = true;
        return entry;
    }

    /// <summary>Puts it in place of what has its key.</summary>
    /// <returns>How many others had to go.</returns>
    public int Put(CacheEntry entry)
    {
        files?.Write(entry);
        return Keep(entry);
    }

    /// <summary>Puts back what was read from a file, unless that is not what its key has any more.</summary>
    public int PutBack(CacheEntry entry, KeptFile file)
    {
        if (!files!.Has(file)) return 0;
        int gone = Keep(entry);
        // Whoever has thrown it out between the two did not find it in memory.
        if (!files.Has(file) && _entries.TryRemove(KeyValuePair.Create(entry.Key, entry))) Gone(entry);
        return gone;
    }

    private int Keep(CacheEntry entry)
    {
        if (entry.Size > mostBytes / 4) return 0;
        while (!_entries.TryAdd(entry.Key, entry))
        {
            if (!_entries.TryGetValue(entry.Key, out var former) || !_entries.TryUpdate(entry.Key, entry, former)) continue;
            Gone(former);
            break;
        }
        Interlocked.Add(ref _bytes, entry.Size);
        Interlocked.Increment(ref _count);
        _queue.Enqueue(entry);
        return MakeRoom();
    }

    public void Remove(ReadOnlySpan<byte> key)
    {
        files?.Remove(key);
        if (_entries.GetAlternateLookup<ReadOnlySpan<byte>>().TryRemove(key, out _, out var entry)) Gone(entry);
    }

    /// <summary>So much of a response that comes may be kept until it is whole; give it back by <see cref="Leave"/>.</summary>
    public bool TryEnter(long bytes)
    {
        if (Interlocked.Add(ref _coming, bytes) <= mostBytes / 2) return true;
        Interlocked.Add(ref _coming, -bytes);
        return false;
    }

    public void Leave(long bytes) => Interlocked.Add(ref _coming, -bytes);

    /// <summary>Whoever asks the upstream for this key first; null: it is the caller, who has to end the flight.</summary>
    public CacheFlight? Join(byte[] key, CacheFlight own)
    {
        var there = _flights.GetOrAdd(key, own);
        return ReferenceEquals(there, own) ? null : there;
    }

    /// <summary>The one who asked has an answer, or gave up: those who wait look again.</summary>
    public void End(byte[] key, CacheFlight own)
    {
        _flights.TryRemove(KeyValuePair.Create(key, own));
        own.End();
    }

    private void Gone(CacheEntry entry)
    {
        entry.Body = null; // its place in the queue holds little until it is its turn
        Interlocked.Add(ref _bytes, -entry.Size);
        Interlocked.Decrement(ref _count);
    }

    private int MakeRoom()
    {
        int gone = 0;
        // Twice round at most; and so that those which are gone do not pile up in the queue.
        for (int turns = 2 * Count + 16; turns > 0 && _queue.Count > 0; turns--)
        {
            bool full = UsedBytes > mostBytes || Count > mostEntries;
            if (!full && _queue.Count <= 2 * Count + 16) break;
            if (!_queue.TryDequeue(out var entry)) break;
            if (entry.Body is null) continue;
            if (full && !entry.Used)
            {
                if (!_entries.TryRemove(KeyValuePair.Create(entry.Key, entry))) continue;
                Gone(entry);
                gone++;
                continue;
            }
            if (full) entry.Used = false;
            _queue.Enqueue(entry);
        }
        return gone;
    }
}
