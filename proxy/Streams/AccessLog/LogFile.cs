using System.Runtime.InteropServices;
using Managed.Proxy.Core;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Timers;
using Microsoft.Win32.SafeHandles;

namespace Managed.Proxy.Streams.AccessLog;

/// <summary>
/// A file, or a standard stream, that lines are appended to. Versions share it by path; it is closed when the last is gone. Opened with
/// O_APPEND (which .NET's streams do not do), so that several processes and truncating log rotation keep lines whole.
/// </summary>
internal sealed partial class LogFile
{
    // asm-generic/fcntl.h, the same on x86-64 and arm64.
    private const int WriteOnly = 1, Create = 0x40, Append_ = 0x400, CloseOnExec = 0x80000, NoControllingTerminal = 0x100,
        NonBlocking = 0x800;

    private readonly AccessLogFiles _files;
    private readonly LogSlot?[] _slots = new LogSlot?[WorkerContext.MaxWorkers + 1];
    private SafeFileHandle _handle;

    private LogFile(AccessLogFiles files, string? path, SafeFileHandle handle)
    {
        _files = files;
        Path = path;
        _handle = handle;
    }

    /// <summary>Null for a standard stream.</summary>
    public string? Path { get; }

    public static LogFile Standard(AccessLogFiles files, int descriptor)
        => new(files, null, new SafeFileHandle(descriptor, ownsHandle: false));

    public static LogFile? TryOpen(AccessLogFiles files, string path, out string? wrong)
        => OpenHandle(path, out wrong) is { } handle ? new LogFile(files, path, handle) : null;

    /// <summary>Formats one line into the worker's chunk. On that worker.</summary>
    public void Append(int workerId, TimerWheel timers, LogFormat format, StreamInfo info)
    {
        if (Begin(workerId, timers) is not { } chunk) return;
        format.Write(chunk.Bytes, info);
        End(workerId, chunk);
    }

    /// <summary>The same of a line that is there, with its end.</summary>
    public void Append(int workerId, TimerWheel timers, ReadOnlySpan<byte> line)
    {
        if (Begin(workerId, timers) is not { } chunk) return;
        chunk.Bytes.Write(line);
        End(workerId, chunk);
    }

    // Null: the line is dropped.
    private LogChunk? Begin(int workerId, TimerWheel timers)
    {
        var lane = _files.Lane(workerId);
        var slot = _slots[workerId] ??= new LogSlot();
        if (slot.Chunk is { } there) return there;
        if (lane.Rent() is not { } chunk)
        {
            _files.Dropped(1);
            return null;
        }
        chunk.File = this;
        slot.Chunk = chunk;
        lane.Dirty(slot, timers);
        return chunk;
    }

    private void End(int workerId, LogChunk chunk)
    {
        chunk.Lines++;
        if (chunk.Bytes.Length < LogLane.ChunkBytes) return;
        _slots[workerId]!.Chunk = null; // the slot stays in the lane's list for the next chunk
        _files.Submit(chunk);
    }

    /// <summary>Opens the path anew, after a rotation; keeps the old file when that fails. On the writer.</summary>
    public bool Reopen()
    {
        if (Path is null) return true;
        if (OpenHandle(Path, out _) is not { } handle) return false;
        var old = _handle;
        _handle = handle;
        old.Dispose();
        return true;
    }

    /// <summary>All of it, or false. On the writer; may block.</summary>
    public unsafe bool Write(ReadOnlySpan<byte> bytes, Func<bool> keepTrying)
    {
        int fd = (int)_handle.DangerousGetHandle();
        fixed (byte* start = bytes)
        {
            for (int done = 0; done < bytes.Length;)
            {
                nint written = Libc.write(fd, start + done, (nuint)(bytes.Length - done));
                if (written > 0) { done += (int)written; continue; }
                int errno = Libc.Errno;
                // A standard stream may be a pipe in non-blocking mode: whoever shares it has set that.
                if (errno == Libc.EIntr || (errno == Libc.EAgain && keepTrying())) continue;
                return false;
            }
        }
        return true;
    }

    private static SafeFileHandle? OpenHandle(string path, out string? wrong)
    {
        // Not blocking: opening a FIFO that nobody reads would never end (it is refused), and so would writing to one that is full.
        int fd = Open(path, WriteOnly | Create | Append_ | CloseOnExec | NoControllingTerminal | NonBlocking, 0x1A4); // 0644
        wrong = fd < 0 ? Libc.Describe(Libc.Errno) : null;
        return fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, int mode);
}
