using System.Buffers.Binary;
using System.Text;
using Managed.Proxy.Core.EventLoop;

namespace Managed.Proxy.Core.Transport;

/// <summary>What lies at a path itself, links not followed.</summary>
/// <param name="Id">Tells it from everything else that exists: device and inode.</param>
internal readonly unsafe record struct FileFacts(bool IsSocket, uint Owner, (ulong Device, ulong Inode) Id)
{
    // linux/stat.h and linux/fcntl.h; struct statx has one layout on all architectures.
    private const int Here = -100, NoFollow = 0x100, KindMask = 0xF000, Socket = 0xC000;
    private const uint Asked = 1 | 8 | 0x100; // type, owner, inode

    /// <summary>Null when there is nothing, or nothing that can be looked at.</summary>
    public static FileFacts? Of(string path)
    {
        byte* facts = stackalloc byte[256];
        fixed (byte* name = Encoding.UTF8.GetBytes(path + "\0"))
            if (Libc.statx(Here, name, NoFollow, Asked, facts) != 0) return null;
        var all = new ReadOnlySpan<byte>(facts, 256);
        return new FileFacts((BinaryPrimitives.ReadUInt16LittleEndian(all[28..]) & KindMask) == Socket,
            BinaryPrimitives.ReadUInt32LittleEndian(all[20..]),
            (BinaryPrimitives.ReadUInt64LittleEndian(all[136..]), BinaryPrimitives.ReadUInt64LittleEndian(all[32..])));
    }
}
