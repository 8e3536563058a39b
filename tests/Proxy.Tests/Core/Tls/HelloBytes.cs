using System.Text;

namespace Managed.Proxy.Tests.Core.Tls;

/// <summary>ClientHellos by hand.</summary>
internal static class HelloBytes
{
    /// <summary>A handshake message as a client of today writes it.</summary>
    public static byte[] Message(string serverName, string[] alpn, int padding = 0, int version = 0x0303, int[]? ciphers = null,
        int[]? groups = null, byte[]? pointFormats = null, bool modern = true)
    {
        var extensions = new List<(int, byte[])> { (0, Sni(serverName)), (10, List(groups ?? [29, 23])),
            (11, [(byte)(pointFormats ?? [0]).Length, .. pointFormats ?? [0]]) };
        if (alpn.Length > 0) extensions.Add((16, Alpn(alpn)));
        if (modern)
        {
            extensions.Add((13, List(0x0403, 0x0804)));
            extensions.Add((43, [4, 3, 4, 3, 3]));
        }
        if (padding > 0) extensions.Add((21, new byte[padding]));
        return Raw(version, ciphers ?? [0x1301, 0x1302, 0xc02b], [.. extensions]);
    }

    public static byte[] Raw(int version, int[] ciphers, (int Type, byte[] Value)[] extensions)
    {
        var body = new List<byte>();
        Add16(body, version);
        body.AddRange(Enumerable.Repeat((byte)7, 32));
        body.Add(0);
        Add16(body, ciphers.Length * 2);
        foreach (int cipher in ciphers) Add16(body, cipher);
        body.AddRange([1, 0]);
        if (extensions.Length > 0)
        {
            Add16(body, extensions.Sum(e => 4 + e.Value.Length));
            foreach (var (type, value) in extensions)
            {
                Add16(body, type);
                Add16(body, value.Length);
                body.AddRange(value);
            }
        }
        return [1, (byte)(body.Count >> 16), (byte)(body.Count >> 8), (byte)body.Count, .. body];
    }

    /// <summary>The message in records of at most so many bytes.</summary>
    public static byte[] Records(byte[] message, int length = 16384)
    {
        var records = new List<byte>();
        foreach (byte[] piece in message.Chunk(length))
        {
            records.AddRange([22, 3, 1]);
            Add16(records, piece.Length);
            records.AddRange(piece);
        }
        return [.. records];
    }

    public static byte[] Sni(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        var value = new List<byte>();
        Add16(value, bytes.Length + 3);
        value.Add(0);
        Add16(value, bytes.Length);
        return [.. value, .. bytes];
    }

    public static byte[] Alpn(string[] names)
    {
        byte[] list = [.. names.SelectMany(n => (byte[])[(byte)n.Length, .. Encoding.ASCII.GetBytes(n)])];
        return [(byte)(list.Length >> 8), (byte)list.Length, .. list];
    }

    public static byte[] List(params int[] values)
    {
        var list = new List<byte>();
        Add16(list, values.Length * 2);
        foreach (int value in values) Add16(list, value);
        return [.. list];
    }

    private static void Add16(List<byte> to, int value)
    {
        to.Add((byte)(value >> 8));
        to.Add((byte)value);
    }

}
