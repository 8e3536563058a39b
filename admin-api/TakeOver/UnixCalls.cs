using System.Runtime.InteropServices;

namespace Managed.AdminApi.TakeOver;

/// <summary>
/// The system calls of <see cref="UnixChannel"/>. .NET's sockets hand on no descriptors, and remove the file of a listening one when it is
/// closed, whoever owns it by then. Constants and structures are those of 64-bit Linux.
/// </summary>
internal static unsafe partial class UnixCalls
{
    public const ushort Family = 1; // AF_UNIX
    public const int Stream = 1, CloseExec = 0x80000, SolSocket = 1, SoPeerCredentials = 17, SoReceiveTimeout = 20, SoSendTimeout = 21,
        ScmRights = 1, NoSignal = 0x4000, CloseOnExec = 0x40000000, ShutBoth = 2;
    public const int PathOnly = 0x200000 | 0x80000 | 0x10000; // O_PATH, O_CLOEXEC, O_DIRECTORY
    public const int Interrupted = 4, WouldBlock = 11, BrokenPipe = 32, ConnectionReset = 104, ConnectionRefused = 111, NoEntry = 2;
    public const int HeaderLength = 16; // of struct cmsghdr

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    public static partial int Socket(int family, int type, int protocol);
    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    public static partial int Bind(int fd, byte[] address, int length);
    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    public static partial int Listen(int fd, int backlog);
    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    public static partial int Connect(int fd, byte[] address, int length);
    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    public static partial int Accept(int fd, void* address, void* length, int flags);
    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    public static partial nint SendMessage(int fd, Message* message, int flags);
    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    public static partial nint ReceiveMessage(int fd, Message* message, int flags);
    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    public static partial int GetOption(int fd, int level, int name, void* value, ref int length);
    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetOption(int fd, int level, int name, void* value, int length);
    [LibraryImport("libc", EntryPoint = "shutdown")]
    public static partial int Shutdown(int fd, int how);
    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int fd);
    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    public static partial int ChangeMode(int fd, uint mode);
    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int fd, int command, int argument);
    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint User();
    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    /// <summary>
    /// Closing it from now on closes this process's descriptor and nothing else. What is to be closed on exec .NET takes for its own, and
    /// may disconnect it first: then another process would listen no more either.
    /// </summary>
    public static void LeaveToOthers(System.Net.Sockets.Socket socket)
        => _ = Control((int)socket.SafeHandle.DangerousGetHandle(), 2, 0); // F_SETFD

    [StructLayout(LayoutKind.Sequential)]
    public struct Vector
    {
        public byte* Base;
        public nuint Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Message
    {
        public void* Name;
        public uint NameLength;
        public Vector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }
}
