using System.Buffers.Binary;
using System.Net;
using System.Text;
using Managed.Proxy.Core.EventLoop;

namespace Managed.Proxy.Core.Transport;

/// <summary>
/// A socket address in the kernel's form (sockaddr_in, sockaddr_in6, sockaddr_un), made once and used for every connect or bind.
/// </summary>
internal sealed unsafe class SocketAddressBytes
{
    public required int Family { get; init; }
    public required byte[] Raw { get; init; }
    /// <summary>Null for a Unix socket.</summary>
    public IPEndPoint? EndPoint { get; init; }

    public static SocketAddressBytes From(IPEndPoint endPoint)
    {
        bool v4 = endPoint.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork;
        var raw = new byte[v4 ? 16 : 28];
        BinaryPrimitives.WriteUInt16LittleEndian(raw, (ushort)(v4 ? Libc.AfInet : Libc.AfInet6));
        BinaryPrimitives.WriteUInt16BigEndian(raw.AsSpan(2), (ushort)endPoint.Port);
        endPoint.Address.TryWriteBytes(raw.AsSpan(v4 ? 4 : 8), out _);
        if (!v4) BinaryPrimitives.WriteUInt32LittleEndian(raw.AsSpan(24), (uint)endPoint.Address.ScopeId);
        return new SocketAddressBytes { Family = v4 ? Libc.AfInet : Libc.AfInet6, Raw = raw, EndPoint = endPoint };
    }

    /// <summary>A path of at most 107 bytes; a leading '@' names the abstract namespace.</summary>
    public static SocketAddressBytes FromPath(string path)
    {
        var bytes = Encoding.UTF8.GetBytes(path);
        if (bytes.Length > 107) throw new ArgumentException("a Unix socket path has at most 107 bytes", nameof(path));
        bool isAbstract = path.StartsWith('@');
        var raw = new byte[2 + bytes.Length + (isAbstract ? 0 : 1)];
        BinaryPrimitives.WriteUInt16LittleEndian(raw, Libc.AfUnix);
        bytes.CopyTo(raw, 2);
        if (isAbstract) raw[2] = 0;
        return new SocketAddressBytes { Family = Libc.AfUnix, Raw = raw };
    }

    /// <summary>Null when it is not an IP address.</summary>
    public static IPEndPoint? ToEndPoint(ReadOnlySpan<byte> raw)
    {
        if (raw.Length < 16) return null;
        int port = BinaryPrimitives.ReadUInt16BigEndian(raw[2..]);
        return BinaryPrimitives.ReadUInt16LittleEndian(raw) switch
        {
            Libc.AfInet => new IPEndPoint(new IPAddress(raw.Slice(4, 4)), port),
            Libc.AfInet6 when raw.Length >= 28 => new IPEndPoint(
                new IPAddress(raw.Slice(8, 16), BinaryPrimitives.ReadUInt32LittleEndian(raw[24..])) is { IsIPv4MappedToIPv6: true } mapped
                ? mapped.MapToIPv4()
                    : new IPAddress(raw.Slice(8, 16), BinaryPrimitives.ReadUInt32LittleEndian(raw[24..])), port),
            _ => null,
        };
    }

    public static IPEndPoint? LocalOf(int fd)
    {
        byte* raw = stackalloc byte[128];
        int length = 128;
        return Libc.getsockname(fd, raw, &length) < 0 ? null : ToEndPoint(new ReadOnlySpan<byte>(raw, length));
    }
}
