using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Managed.Proxy.Configuration.Host;

/// <summary>
/// Reads a file that a configuration names. Only a regular file is ever opened: looking at what a path leads to (<c>O_PATH</c>) wakes no
/// writer of a FIFO and touches no device. What was looked at is what is read, whatever the path leads to by then.
/// </summary>
public static unsafe partial class HostFile
{
    /// <summary>Bytes of a body or script at most.</summary>
    public const long MaxText = 16L << 20;
    /// <summary>Bytes of a module at most.</summary>
    public const long MaxModule = 64L << 20;

    // asm-generic/fcntl.h, the same on x86-64 and arm64.
    private const int ReadOnly = 0, NonBlocking = 0x800, NoControllingTerminal = 0x100, CloseOnExec = 0x80000, PathOnly = 0x200000;
    // linux/stat.h and linux/fcntl.h
    private const int EmptyPath = 0x1000, TypeAndLinks = 1 | 4, KindMask = 0xF000, Regular = 0x8000, Directory = 0x4000;
    private const int NoEntry = 2, NotADirectory = 20;

    /// <summary>The bytes, or null with the reason, which quotes nothing of the file.</summary>
    /// <param name="path">As it stands in the configuration.</param>
    /// <param name="limit">Bytes at most.</param>
    /// <param name="folders">Where it may lie; null: anywhere.</param>
    /// <param name="wrong">Ends a sentence that begins with the path.</param>
    /// <param name="isMissing">There is no such file.</param>
    public static byte[]? Read(string path, long limit, AllowedFolders? folders, out string? wrong, out bool isMissing)
    {
        isMissing = false;
        if (path.Contains('\0', StringComparison.Ordinal)) return No("is no path", out wrong);
        if (folders?.Refusal(System.IO.Path.GetFullPath(path)) is { } outside) return No(outside, out wrong);
        using var found = Open(path, PathOnly | CloseOnExec, out int errno);
        if (found is null)
        {
            isMissing = errno is NoEntry or NotADirectory;
            return No(isMissing ? "does not exist" : $"cannot be read: {Marshal.GetPInvokeErrorMessage(errno)}", out wrong);
        }
        int kind = KindOf(found);
        if (kind == Directory) return No("is a directory", out wrong);
        if (kind != Regular) return No("is not a regular file", out wrong);
        if (folders is not null && (RealPath(found) is not { } real ? "cannot be traced to where it lies"
            : folders.Refusal(real)) is { } elsewhere) return No(elsewhere, out wrong);
        using var file = Open($"/proc/self/fd/{found.DangerousGetHandle()}", ReadOnly | NonBlocking | NoControllingTerminal | CloseOnExec,
            out errno);
        if (file is null) return No($"cannot be read: {Marshal.GetPInvokeErrorMessage(errno)}", out wrong);
        return ReadAll(file, limit, out wrong);
    }

    /// <summary>Where the thing at a path lies, all links followed; null when there is nothing or it cannot be told.</summary>
    public static string? RealPathOf(string path)
    {
        using var found = Open(path, PathOnly | CloseOnExec, out _);
        return found is null ? null : RealPath(found);
    }

    private static byte[]? ReadAll(SafeFileHandle file, long limit, out string? wrong)
    {
        // Read and not asked for its length: that of a file under /proc is 0.
        var content = new MemoryStream();
        byte[] buffer = new byte[64 << 10];
        while (content.Length <= limit)
        {
            nint n;
            fixed (byte* to = buffer) n = read((int)file.DangerousGetHandle(), to, (nuint)buffer.Length);
            if (n < 0) return No($"cannot be read: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastSystemError())}", out wrong);
            if (n == 0)
            {
                wrong = null;
                return content.ToArray();
            }
            content.Write(buffer, 0, (int)n);
        }
        return No($"is larger than {limit >> 20} MiB", out wrong);
    }

    private static byte[]? No(string why, out string? wrong)
    {
        wrong = why;
        return null;
    }

    private static SafeFileHandle? Open(string path, int flags, out int errno)
    {
        int fd = open(path, flags, 0);
        errno = fd < 0 ? Marshal.GetLastSystemError() : 0;
        return fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
    }

    // struct statx has one layout on all architectures: the links at 16, the mode at 28.
    private static int KindOf(SafeFileHandle file)
    {
        byte* facts = stackalloc byte[256];
        return statx((int)file.DangerousGetHandle(), "", EmptyPath, TypeAndLinks, facts) != 0 ? 0
            : BinaryPrimitives.ReadUInt16LittleEndian(new ReadOnlySpan<byte>(facts + 28, 2)) & KindMask;
    }

    private static string? RealPath(SafeFileHandle file)
    {
        byte* facts = stackalloc byte[256];
        // A file that was deleted meanwhile has a path that somebody else may have now.
        if (statx((int)file.DangerousGetHandle(), "", EmptyPath, TypeAndLinks, facts) != 0
            || BinaryPrimitives.ReadUInt32LittleEndian(new ReadOnlySpan<byte>(facts + 16, 4)) == 0) return null;
        return new FileInfo($"/proc/self/fd/{file.DangerousGetHandle()}").LinkTarget is ['/', ..] path ? path : null;
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)] private static partial int open(string path, int flags, int mode);
    [LibraryImport("libc")] private static partial nint read(int fd, byte* buffer, nuint count);
    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int folder, string path, int flags, uint mask, byte* into);
}
