using System.Globalization;
using System.Runtime.InteropServices;

namespace Managed.AdminApi.Hosting;

/// <summary>
/// The limit of open files (<c>ulimit -n</c>). The runtime keeps each part of the program that it loads open, and takes a part that it
/// cannot open for missing: with too few the start breaks off somewhere, with a message about something else.
/// </summary>
internal static partial class OpenFiles
{
    /// <summary>The runtime has each of some 140 libraries open twice; below this nothing starts.</summary>
    private const ulong Needed = 300;
    private const int LimitOfOpenFiles = 7; // RLIMIT_NOFILE

    /// <summary>The limit of now; 0 when it is not known.</summary>
    public static ulong Limit => GetLimit(LimitOfOpenFiles, out var limit) == 0 ? limit.Soft : 0;

    /// <exception cref="StartException">The limit is lower than what the program itself needs.</exception>
    public static void RequireEnough()
    {
        if (Limit is > 0 and < Needed)
            throw new StartException(string.Create(CultureInfo.InvariantCulture,
                $"the limit of open files is {Limit}, at least {Needed} are needed (ulimit -n, LimitNOFILE=, --ulimit nofile=)"));
    }

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetLimit(int resource, out FileLimit limit);

    [StructLayout(LayoutKind.Sequential)]
    private struct FileLimit
    {
        public ulong Soft;
        public ulong Hard;
    }
}
