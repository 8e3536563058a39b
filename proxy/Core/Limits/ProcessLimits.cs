using System.Globalization;

namespace Managed.Proxy.Core.Limits;

/// <summary>What the system lets this process have.</summary>
internal static class ProcessLimits
{
    /// <summary>Descriptors, by the soft limit; the system's usual 1,024 where it cannot be read.</summary>
    public static long OpenFiles()
    {
        foreach (string line in Lines("/proc/self/limits"))
            if (line.StartsWith("Max open files", StringComparison.Ordinal))
                return Number(line[14..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], int.MaxValue);
        return 1024;
    }

    /// <summary>Memory of the container (control group) in bytes; 0 when there is no limit.</summary>
    public static long ContainerMemory()
    {
        foreach (string path in (ReadOnlySpan<string>)["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"])
            // "max", or near the largest number there is (version 1): none.
            if (Lines(path) is [var line, ..] && Number(line, 0) is > 0 and < 1L << 50 and var limit) return limit;
        return 0;
    }

    /// <summary>Resident memory in bytes that no file backs: heaps, stacks, memory of guests, compiled code.</summary>
    public static long AnonymousMemory()
    {
        foreach (string line in Lines("/proc/self/status"))
            if (line.StartsWith("RssAnon:", StringComparison.Ordinal)) return Number(line[8..].Replace("kB", ""), 0) * 1024;
        return 0;
    }

    private static long Number(string text, long other)
        => long.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : other;

    private static string[] Lines(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllLines(path) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
