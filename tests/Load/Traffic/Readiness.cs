using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Managed.Load.Traffic;

/// <summary>ppoll(2): waits for many sockets in one thread, without the runtime's own engine and its thread hops.</summary>
internal static unsafe partial class Readiness
{
    public const short In = 1; // POLLIN

    [StructLayout(LayoutKind.Sequential)]
    public struct Entry
    {
        public int Descriptor;
        public short Wanted;
        public short Got;
    }

    /// <param name="entries">Their <see cref="Entry.Got"/> is set.</param>
    /// <param name="ticks">At most so long, in ticks of <see cref="Stopwatch"/>.</param>
    public static int Wait(Span<Entry> entries, long ticks)
    {
        ticks = Math.Max(ticks, 0);
        var time = new Time { Seconds = ticks / Stopwatch.Frequency,
            Nanoseconds = ticks % Stopwatch.Frequency * (1_000_000_000 / Stopwatch.Frequency) };
        fixed (Entry* first = entries) return Poll(first, (nuint)entries.Length, &time, null);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Time
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "ppoll")]
    private static partial int Poll(Entry* entries, nuint count, Time* time, void* signals);
}
