using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Managed.AdminApi.TakeOver;

/// <summary>The other side did not do its part: gone, too slow, or something else than a node. The message is one line.</summary>
internal sealed class ChannelException(string message) : Exception(message);

/// <summary>
/// One connection of a Unix socket between two processes of the same user: messages of at most 1 MiB (four bytes of length, then JSON) and
/// descriptors (SCM_RIGHTS, unix(7)). Every call ends within the time it is given.
/// </summary>
internal sealed class UnixChannel(int fd) : IDisposable
{
    private const int LongestMessage = 1 << 20;
    private const int DescriptorsAtOnce = 200; // the kernel takes 253
    private int _fd = fd;

    /// <summary>The user that the other process runs as (SO_PEERCRED), asked of the kernel.</summary>
    public unsafe uint PeerUser
    {
        get
        {
            var credentials = stackalloc uint[3]; // struct ucred: pid, uid, gid
            var length = 3 * sizeof(uint);
            return UnixCalls.GetOption(_fd, UnixCalls.SolSocket, UnixCalls.SoPeerCredentials, credentials, ref length) == 0
                ? credentials[1] : throw new ChannelException("the system does not say whose process it is");
        }
    }

    public void Send<T>(T message, TimeSpan within)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(message);
        var bytes = new byte[sizeof(int) + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(bytes, body.Length);
        body.CopyTo(bytes, sizeof(int));
        var end = new Deadline(within);
        for (var sent = 0; sent < bytes.Length;)
            sent += SendSome(bytes.AsSpan(sent), [], end);
    }

    /// <exception cref="ChannelException">The other side has gone, says nothing in time, or says something else.</exception>
    public T Receive<T>(TimeSpan within)
    {
        var end = new Deadline(within);
        var length = BinaryPrimitives.ReadInt32BigEndian(Exactly(sizeof(int), end));
        if (length is <= 0 or > LongestMessage)
            throw new ChannelException("what it says is no message");
        try
        {
            return JsonSerializer.Deserialize<T>(Exactly(length, end)) ?? throw new ChannelException("what it says is no message");
        }
        catch (JsonException)
        {
            throw new ChannelException("what it says is no message");
        }
    }

    public void SendDescriptors(IReadOnlyList<int> descriptors, TimeSpan within)
    {
        var end = new Deadline(within);
        foreach (var some in descriptors.Chunk(DescriptorsAtOnce))
            _ = SendSome("d"u8, some, end);
    }

    /// <summary>So many descriptors, all of them or none. The caller closes them.</summary>
    public List<int> ReceiveDescriptors(int count, TimeSpan within)
    {
        var end = new Deadline(within);
        var got = new List<int>(count);
        var whole = false;
        try
        {
            while (got.Count < count)
                ReceiveSome(new byte[1], got, end);
            whole = got.Count == count;
            return whole ? got : throw new ChannelException("it hands over more than it says");
        }
        finally
        {
            if (!whole)
                got.ForEach(d => UnixCalls.Close(d));
        }
    }

    /// <summary>How long the connect that follows may wait for room in the other's queue.</summary>
    public void LimitConnect(TimeSpan within) => Patience(UnixCalls.SoSendTimeout, new Deadline(within));

    /// <summary>From any thread: who waits in a call here is told that the other side has gone.</summary>
    public void Break() => _ = UnixCalls.Shutdown(_fd, UnixCalls.ShutBoth);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _fd, -1) is >= 0 and var open)
            _ = UnixCalls.Close(open);
    }

    private byte[] Exactly(int count, Deadline end)
    {
        var bytes = new byte[count];
        for (var got = 0; got < count;)
            got += ReceiveSome(bytes.AsSpan(got), null, end);
        return bytes;
    }

    private unsafe int SendSome(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> descriptors, Deadline end)
    {
        var control = stackalloc byte[UnixCalls.HeaderLength + DescriptorsAtOnce * sizeof(int)];
        fixed (byte* start = bytes)
        {
            var vector = new UnixCalls.Vector { Base = start, Length = (nuint)bytes.Length };
            var message = new UnixCalls.Message { Vectors = &vector, VectorCount = 1 };
            if (descriptors.Length > 0)
            {
                // struct cmsghdr: length, level, type, then the data
                var length = UnixCalls.HeaderLength + descriptors.Length * sizeof(int);
                *(nuint*)control = (nuint)length;
                ((int*)control)[2] = UnixCalls.SolSocket;
                ((int*)control)[3] = UnixCalls.ScmRights;
                descriptors.CopyTo(new Span<int>(control + UnixCalls.HeaderLength, descriptors.Length));
                message.Control = control;
                message.ControlLength = (nuint)length;
            }
            Patience(UnixCalls.SoSendTimeout, end);
            return Done(UnixCalls.SendMessage(_fd, &message, UnixCalls.NoSignal), end);
        }
    }

    private unsafe int ReceiveSome(Span<byte> bytes, List<int>? into, Deadline end)
    {
        var size = UnixCalls.HeaderLength + DescriptorsAtOnce * sizeof(int);
        var control = stackalloc byte[size];
        fixed (byte* start = bytes)
        {
            var vector = new UnixCalls.Vector { Base = start, Length = (nuint)bytes.Length };
            var message = new UnixCalls.Message { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = (nuint)size };
            Patience(UnixCalls.SoReceiveTimeout, end);
            var got = Done(UnixCalls.ReceiveMessage(_fd, &message, UnixCalls.CloseOnExec), end);
            if (message.ControlLength >= (nuint)UnixCalls.HeaderLength && ((int*)control)[3] == UnixCalls.ScmRights)
            {
                var count = ((int)*(nuint*)control - UnixCalls.HeaderLength) / sizeof(int);
                foreach (var descriptor in new ReadOnlySpan<int>(control + UnixCalls.HeaderLength, count))
                    if (into is null)
                        _ = UnixCalls.Close(descriptor); // nobody has asked for it
                    else
                        into.Add(descriptor);
            }
            return got;
        }
    }

    private unsafe void Patience(int option, Deadline end)
    {
        var left = end.Left;
        if (left <= TimeSpan.Zero)
            throw new ChannelException("it did not answer in time");
        var time = stackalloc long[2]; // struct timeval
        (time[0], time[1]) = ((long)left.TotalSeconds, left.Microseconds + left.Milliseconds * 1000 + 1);
        _ = UnixCalls.SetOption(_fd, UnixCalls.SolSocket, option, time, 2 * sizeof(long));
    }

    private static int Done(nint count, Deadline end)
    {
        if (count > 0)
            return (int)count;
        var errno = Marshal.GetLastSystemError();
        return count == 0 ? throw new ChannelException("it has gone")
            : errno == UnixCalls.Interrupted ? 0
            : errno == UnixCalls.WouldBlock || end.Left <= TimeSpan.Zero ? throw new ChannelException("it did not answer in time")
            : throw new ChannelException(errno is UnixCalls.BrokenPipe or UnixCalls.ConnectionReset ? "it has gone"
                : Marshal.GetPInvokeErrorMessage(errno));
    }

    private readonly struct Deadline(TimeSpan within)
    {
        private readonly long _start = Stopwatch.GetTimestamp();
        public TimeSpan Left => within - Stopwatch.GetElapsedTime(_start);
    }
}

/// <summary>The address of a Unix socket in a folder whose path may be longer than the 107 bytes that one may have.</summary>
internal sealed class UnixAddress : IDisposable
{
    private readonly int _folder;

    public UnixAddress(string folder, string name)
    {
        _folder = UnixCalls.Open(folder, UnixCalls.PathOnly);
        if (_folder < 0)
            throw new ChannelException($"{folder}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastSystemError())}");
        var path = Encoding.UTF8.GetBytes($"/proc/self/fd/{_folder}/{name}");
        Raw = new byte[2 + path.Length + 1]; // struct sockaddr_un
        BinaryPrimitives.WriteUInt16LittleEndian(Raw, UnixCalls.Family);
        path.CopyTo(Raw, 2);
    }

    public byte[] Raw { get; }

    public void Dispose() => _ = UnixCalls.Close(_folder);
}
