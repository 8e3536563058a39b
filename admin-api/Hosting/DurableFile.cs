using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Managed.AdminApi.Hosting;

/// <summary>Replaces a file so that after a crash or power cut it is either the old or the new one, whole.</summary>
internal static partial class DurableFile
{
    private const int ReadOnlyDirectory = 0x10000 | 0x80000; // O_DIRECTORY (x86-64 value) and O_CLOEXEC
    private const int FewFiles = 8;

    public static void Replace(string path, ReadOnlySpan<byte> content, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite)
    {
        var temporary = path + ".tmp";
        try
        {
            Write(temporary, content, mode);
        }
        catch (IOException)
        {
            File.Delete(temporary); // half a file on a full disk helps nobody
            throw;
        }
        File.Move(temporary, path, overwrite: true);
        SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>
    /// The same for many files of one folder. Beyond a few the system is asked once to bring all that it holds to the disk: once for each
    /// file costs a millisecond and more of each.
    /// </summary>
    public static void ReplaceAll(IReadOnlyList<(string Path, byte[] Content)> files)
    {
        if (files.Count <= FewFiles)
        {
            foreach (var (path, content) in files)
                Replace(path, content);
            return;
        }
        var folder = Path.GetDirectoryName(Path.GetFullPath(files[0].Path))!;
        try
        {
            foreach (var (path, content) in files)
                Write(path + ".tmp", content, UnixFileMode.UserRead | UnixFileMode.UserWrite, isDurable: false);
            OfDirectory(folder, SyncFileSystem);
        }
        catch (IOException)
        {
            foreach (var (path, _) in files)
                File.Delete(path + ".tmp");
            throw;
        }
        foreach (var (path, _) in files)
            File.Move(path + ".tmp", path, overwrite: true);
        SyncDirectory(folder);
    }

    private static void Write(string path, ReadOnlySpan<byte> content, UnixFileMode mode, bool isDurable = true)
    {
        using var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write,
            UnixCreateMode = mode, BufferSize = 0 });
        file.Write(content);
        file.Flush(flushToDisk: isDurable);
    }

    /// <summary>Makes a rename or a new file in the directory durable.</summary>
    public static void SyncDirectory(string directory) => OfDirectory(directory, Sync);

    private static void OfDirectory(string directory, Func<int, int> sync)
    {
        var descriptor = Open(directory, RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x4000 | 0x80000
            : ReadOnlyDirectory);
        if (descriptor < 0)
            throw new IOException($"cannot open {directory}", new Win32Exception(Marshal.GetLastPInvokeError()));
        try
        {
            if (sync(descriptor) != 0)
                throw new IOException($"cannot sync {directory}", new Win32Exception(Marshal.GetLastPInvokeError()));
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    private static partial int SyncFileSystem(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
