using System.Globalization;
using System.Runtime.InteropServices;

namespace Managed.Proxy.Core;

/// <summary>What the kernel knows of a worker's thread.</summary>
internal static partial class ThreadInfo
{
    [LibraryImport("libc")] private static partial int gettid();

    public static int CurrentId() => gettid();

    /// <summary>User and system time; 0 when it cannot be read.</summary>
    public static double CpuSeconds(int threadId)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/self/task/{threadId}/schedstat");
            return long.Parse(stat.AsSpan(0, stat.IndexOf(' ')), CultureInfo.InvariantCulture) / 1e9;
        }
        catch (Exception e) when (e is IOException or FormatException or UnauthorizedAccessException or ArgumentException)
        {
            return 0;
        }
    }
}
