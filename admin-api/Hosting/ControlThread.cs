using System.Runtime.InteropServices;

namespace Managed.AdminApi.Hosting;

/// <summary>
/// Threads that build and publish versions, or answer on the admin port, stand back behind the workers: where processors are short, a
/// request does not wait for a document to be built. A thread that has stood back once does so for good (an ordinary process may not raise
/// a priority again), which is no harm: the pool's threads carry nothing else.
/// </summary>
internal static partial class ControlThread
{
    private const int Niceness = 5;

    [ThreadStatic] private static bool t_standsBack;
    private static bool s_isMeant;

    /// <summary>In a process that is the product; in one of tests the threads are the tests' as well.</summary>
    public static void BeginToStandBack() => s_isMeant = true;

    /// <summary>The calling thread, from now on.</summary>
    public static void StandBack()
    {
        if (t_standsBack || !s_isMeant)
            return;
        t_standsBack = true;
        _ = SetPriority(0, 0, Niceness); // setpriority(2): of a thread, on Linux; refused where the whole process is nicer already
    }

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, uint who, int priority);
}
