using System.Globalization;

namespace Managed.Load.Product;

/// <summary>What /proc knows of the product's process and of this network namespace.</summary>
internal static class ProcessFigures
{
    /// <summary>Resident memory in bytes.</summary>
    public static long Resident(int process) => Status(process, "VmRSS:");

    /// <summary>
    /// Resident memory that no file backs, in bytes: heaps, stacks and compiled code, without pages of libraries and of the database.
    /// </summary>
    public static long Anonymous(int process) => Status(process, "RssAnon:");

    private static long Status(int process, string name)
    {
        var line = File.ReadLines($"/proc/{process}/status").First(l => l.StartsWith(name, StringComparison.Ordinal));
        return 1024 * long.Parse(line.AsSpan(name.Length).Trim().TrimEnd("kB").Trim(), NumberStyles.None, CultureInfo.InvariantCulture);
    }

    /// <summary>
    /// Seconds that its worker threads have run, and those that they could have run and waited for a CPU that others had.
    /// </summary>
    public static (double Ran, double Waited) Workers(int process)
    {
        long ran = 0, waited = 0;
        foreach (var task in Directory.EnumerateDirectories($"/proc/{process}/task"))
        {
            if (!File.ReadAllText(task + "/comm").StartsWith("worker-", StringComparison.Ordinal)) continue;
            var fields = File.ReadAllText(task + "/schedstat").Split(' '); // Documentation/scheduler/sched-stats.rst: nanoseconds
            ran += long.Parse(fields[0], CultureInfo.InvariantCulture);
            waited += long.Parse(fields[1], CultureInfo.InvariantCulture);
        }
        return (ran / 1e9, waited / 1e9);
    }

    public static int Descriptors(int process) => Directory.EnumerateFileSystemEntries($"/proc/{process}/fd").Count();

    /// <summary>CPU time of all its threads, in seconds.</summary>
    public static double CpuSeconds(int process) => Ran($"/proc/{process}/stat");

    /// <summary>CPU time of the threads that compile again, better, what has run often, in seconds.</summary>
    public static double CompilerSeconds(int process) => Directory.EnumerateDirectories($"/proc/{process}/task")
        .Where(t => File.ReadAllText(t + "/comm").StartsWith(".NET Tiered", StringComparison.Ordinal)).Sum(t => Ran(t + "/stat"));

    private static double Ran(string stat)
    {
        var text = File.ReadAllText(stat);
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        // utime and stime are fields 14 and 15, counted in 1/100 s (USER_HZ of every Linux ABI in use); the split starts at field 3
        return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / 100.0;
    }

    /// <summary>Ports with an IPv4 socket in the state LISTEN.</summary>
    public static HashSet<int> ListeningPorts()
    {
        const string listen = "0A"; // TCP_LISTEN in include/net/tcp_states.h
        var ports = new HashSet<int>();
        foreach (var line in File.ReadLines("/proc/net/tcp").Skip(1))
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields[3] == listen)
                ports.Add(int.Parse(fields[1].AsSpan(fields[1].IndexOf(':') + 1), NumberStyles.AllowHexSpecifier,
                    CultureInfo.InvariantCulture));
        }
        return ports;
    }
}
