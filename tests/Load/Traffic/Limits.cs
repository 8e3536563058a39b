using System.Runtime.InteropServices;

namespace Managed.Load.Traffic;

/// <summary>The limit of open files, for this process and those it starts.</summary>
internal static partial class Limits
{
    private const int OpenFiles = 7; // RLIMIT_NOFILE on x86-64 and arm64

    /// <summary>Raises the soft limit to the hard one and gives it.</summary>
    public static long RaiseOpenFiles()
    {
        if (GetLimit(OpenFiles, out var limit) != 0) throw new SkippedException("getrlimit failed");
        limit.Soft = limit.Hard;
        _ = SetLimit(OpenFiles, limit);
        return (long)Math.Min(limit.Hard, int.MaxValue);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Limit
    {
        public ulong Soft;
        public ulong Hard;
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, out Limit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetLimit(int resource, in Limit limit);
}
