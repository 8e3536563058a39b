using System.Globalization;
using System.Runtime.InteropServices;

namespace Managed.AdminApi.Hosting;

/// <summary>
/// The limit of open files (<c>ulimit -n</c>). The runtime keeps each part of the program that it loads open, and takes a part that it cannot
/// open for missing: with too few the start breaks off somewhere, with a message about something else.
/// </summary>
internal static partial class OpenFiles
{
    /// <summary>What a node has open after its start with one worker, and some for connections.</summary>
    private const ulong Needed = 290;
    private const int LimitOfOpenFiles = 7; // RLIMIT_NOFILE

    /// <exception cref="StartException">The limit is lower than what the program itself needs.</exception>
    public static void RequireEnough()
    {
        if (GetLimit(LimitOfOpenFiles, out var limit) == 0 && limit.Soft < Needed)
            throw new StartException(string.Create(CultureInfo.InvariantCulture, $"the limit of open files is {limit.Soft}, at least {Needed} are needed (ulimit -n, LimitNOFILE=, --ulimit nofile=)"));
    }

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetLimit(int resource, out Limit limit);

    [StructLayout(LayoutKind.Sequential)]
    private struct Limit
    {
        public ulong Soft;
        public ulong Hard;
    }
}
