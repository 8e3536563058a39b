using System.Collections.Concurrent;

namespace Managed.Proxy.Http.Filters.Tap;

/// <summary>
/// The files under one path prefix, over the versions that have it. Written by one thread of the process, so that a slow disk holds up no
/// worker; what waits for it, and what lies on the disk, is bounded.
/// </summary>
internal sealed class TapFiles(string prefix, string extension, bool writesNothing = false)
{
    private const long MostWaiting = 16 << 20, MostBytes = 1 << 30;
    private const int MostFiles = 10_000;

    private static readonly BlockingCollection<(TapFiles Files, ulong Id, byte[] Message, bool First)> Waiting = [];
    // What is in requests is nobody else's.
    private static readonly FileStreamOptions NewFile = new()
    {
        Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 0, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
    };

    private static readonly FileStreamOptions More = new() { Mode = FileMode.Append, Access = FileAccess.Write, BufferSize = 0 };
    private static long s_waiting;

    private readonly Queue<(string Path, long Length)> _written = new(); // the writer's own
    private long _bytes;
    private int _failed;

    static TapFiles() => new Thread(Run) { Name = "tap", IsBackground = true }.Start();

    /// <summary>Messages that could not be written since it was last asked. Any thread.</summary>
    public int TakeFailed() => _failed == 0 ? 0 : Interlocked.Exchange(ref _failed, 0);

    /// <summary>A message of a stream, soon on the disk. False: too much waits already. Any thread.</summary>
    /// <param name="id">The stream's.</param>
    /// <param name="message">As it is written.</param>
    /// <param name="first">It begins a file; others go behind what is there.</param>
    public bool TryWrite(ulong id, byte[] message, bool first)
    {
        if (writesNothing) return true;
        if (Interlocked.Add(ref s_waiting, message.Length) > MostWaiting)
        {
            Interlocked.Add(ref s_waiting, -message.Length);
            return false;
        }
        Waiting.Add((this, id, message, first));
        return true;
    }

    private static void Run()
    {
        foreach (var (files, id, message, first) in Waiting.GetConsumingEnumerable())
        {
            try
            {
                files.Write(id, message, first);
            }
            catch (Exception)
            {
                Interlocked.Increment(ref files._failed); // a full disk, a folder that is gone: the next one may do better
            }
            Interlocked.Add(ref s_waiting, -message.Length);
        }
    }

    private void Write(ulong id, byte[] message, bool first)
    {
        string path = FormattableString.Invariant($"{prefix}_{id}{extension}");
        using (var file = new FileStream(path, first ? NewFile : More)) file.Write(message);
        _bytes += message.Length;
        _written.Enqueue((first ? path : "", message.Length));
        while (_written.Count > MostFiles || _bytes > MostBytes)
        {
            var (oldest, length) = _written.Dequeue();
            _bytes -= length;
            if (oldest.Length > 0) File.Delete(oldest);
        }
    }
}
