using System.Runtime.InteropServices;

namespace Managed.Proxy.Core.EventLoop;

/// <summary>
/// The system calls of the data plane, with blittable signatures. Those that never block still make the GC transition: suppressing it
/// was not worth a pause of the whole process should the kernel take its time.
/// </summary>
internal static unsafe partial class Libc
{
    private const string Lib = "libc";

    public const int AfUnix = 1, AfInet = 2, AfInet6 = 10;
    public const int SockStream = 1, SockNonBlock = 0x800, SockCloExec = 0x80000;
    public const int SolSocket = 1, SoReuseAddr = 2, SoError = 4, SoReusePort = 15, SoLinger = 13;
    public const int IpProtoTcp = 6, TcpNoDelay = 1, IpProtoIpv6 = 41, Ipv6Only = 26;
    public const int MsgNoSignal = 0x4000, MsgPeek = 2, MsgDontWait = 0x40;
    public const int ShutWrite = 1;

    public const uint EpollIn = 1, EpollOut = 4, EpollErr = 8, EpollHup = 0x10, EpollRdHup = 0x2000, EpollExclusive = 1u << 28,
        EpollEdge = 1u << 31;
    public const int EpollCtlAdd = 1, EpollCtlDel = 2, EpollCtlMod = 3, EpollCloExec = 0x80000;
    public const int EfdNonBlock = 0x800, EfdCloExec = 0x80000;
    public const int DupFdCloExec = 1030; // F_DUPFD_CLOEXEC

    private const int ClockThreadCpu = 3; // CLOCK_THREAD_CPUTIME_ID

    public const int EIntr = 4, EAgain = 11, ENoMem = 12, ENFile = 23, EMFile = 24, EPipe = 32, EProto = 71, EProtoNoSupport = 93,
        EAddrInUse = 98,
        EConnAborted = 103, EConnReset = 104, ETimedOut = 110, EConnRefused = 111, EInProgress = 115, ECanceled = 125;

    public static int Errno => Marshal.GetLastSystemError();

    [LibraryImport(Lib)] public static partial int epoll_create1(int flags);
    [LibraryImport(Lib)] public static partial int epoll_ctl(int epfd, int op, int fd, byte* ev);
    [LibraryImport(Lib)] public static partial int epoll_wait(int epfd, byte* events, int max, int timeoutMs);
    [LibraryImport(Lib)] public static partial int eventfd(uint initial, int flags);
    [LibraryImport(Lib)] public static partial nint read(int fd, void* buffer, nuint count);
    [LibraryImport(Lib)] public static partial nint write(int fd, void* buffer, nuint count);
    [LibraryImport(Lib)] public static partial nint recv(int fd, byte* buffer, nuint count, int flags);
    [LibraryImport(Lib)] public static partial nint send(int fd, byte* buffer, nuint count, int flags);
    [LibraryImport(Lib)] public static partial nint sendmsg(int fd, MsgHdr* message, int flags);
    [LibraryImport(Lib)] public static partial int accept4(int fd, byte* address, int* length, int flags);
    [LibraryImport(Lib)] public static partial int socket(int domain, int type, int protocol);
    [LibraryImport(Lib)] public static partial int bind(int fd, byte* address, int length);
    [LibraryImport(Lib)] public static partial int listen(int fd, int backlog);
    [LibraryImport(Lib)] public static partial int connect(int fd, byte* address, int length);
    [LibraryImport(Lib)] public static partial int setsockopt(int fd, int level, int name, void* value, int length);
    [LibraryImport(Lib)] public static partial int getsockopt(int fd, int level, int name, void* value, int* length);
    [LibraryImport(Lib)] public static partial int getsockname(int fd, byte* address, int* length);
    [LibraryImport(Lib)] public static partial int shutdown(int fd, int how);
    [LibraryImport(Lib)] public static partial int statx(int folder, byte* path, int flags, uint mask, byte* into);
    [LibraryImport(Lib)] public static partial uint geteuid();
    [LibraryImport(Lib, EntryPoint = "unlink", StringMarshalling = StringMarshalling.Utf8)] public static partial int Unlink(string path);
    [LibraryImport(Lib, EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Link(string from, string to);
    [LibraryImport(Lib, EntryPoint = "rename", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Rename(string from, string to);
    [LibraryImport(Lib)] public static partial int close(int fd);
    [LibraryImport(Lib)] public static partial int dup(int fd);
    [LibraryImport(Lib)] public static partial int fcntl(int fd, int command, int argument);
    [LibraryImport(Lib)] public static partial int clock_gettime(int clock, long* time);
    [LibraryImport(Lib)] public static partial int setpriority(int which, uint who, int nice);
    [LibraryImport(Lib)] private static partial int setrlimit(int resource, ulong* softAndHard);
    [LibraryImport(Lib)] private static partial int getrlimit(int resource, ulong* softAndHard);

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct IoVec
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary>struct msghdr of 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct MsgHdr
    {
        public void* Name;
        public uint NameLength;
        public IoVec* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    public static int SetOption(int fd, int level, int name, int value) => setsockopt(fd, level, name, &value, sizeof(int));

    public static int GetSocketError(int fd)
    {
        int value = 0, length = sizeof(int);
        return getsockopt(fd, SolSocket, SoError, &value, &length) < 0 ? Errno : value;
    }

    /// <summary>CPU time of the calling thread in microseconds; a system call, some 200 ns.</summary>
    public static long ThreadCpuMicros()
    {
        long* time = stackalloc long[2]; // struct timespec
        return clock_gettime(ClockThreadCpu, time) == 0 ? time[0] * 1_000_000 + time[1] / 1000 : 0;
    }

    /// <summary>What strerror would say, for people.</summary>
    public static string Describe(int errno) => Marshal.GetPInvokeErrorMessage(errno);

    /// <summary>How many descriptors this process may have, after asking for as many as it may ask for.</summary>
    public static int MaxDescriptors()
    {
        const int NoFile = 7; // RLIMIT_NOFILE
        var limits = stackalloc ulong[2];
        if (getrlimit(NoFile, limits) != 0) return 1024;
        if (limits[0] < limits[1])
        {
            ulong former = limits[0];
            limits[0] = limits[1];
            if (setrlimit(NoFile, limits) != 0) limits[0] = former;
        }
        return (int)Math.Min(limits[0], int.MaxValue);
    }

    /// <summary>The kernel ends this process when it has used so much CPU time.</summary>
    public static void LimitCpu(long seconds)
    {
        var limits = stackalloc ulong[2] { (ulong)seconds, (ulong)seconds };
        _ = setrlimit(0, limits); // RLIMIT_CPU
    }
}
