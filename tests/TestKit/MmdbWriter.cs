using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Managed.TestKit;

/// <summary>
/// Writes small databases of MaxMind's format (maxmind.github.io/MaxMind-DB): a tree of IPv6, IPv4 in it under ::/96, records of 32 bits.
/// Values are texts, bool, uint, lists and dictionaries.
/// </summary>
public sealed class MmdbWriter(string type)
{
    private readonly List<uint?[]> _nodes = [new uint?[2]];
    private readonly List<(int Node, int Side, int Offset)> _leaves = [];
    private readonly MemoryStream _data = new();

    /// <summary>What is known of a block; blocks do not overlap.</summary>
    public MmdbWriter Add(string block, Dictionary<string, object> value)
    {
        var network = IPNetwork.Parse(block);
        bool v4 = network.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork;
        byte[] bytes = v4 ? [.. new byte[12], .. network.BaseAddress.GetAddressBytes()] : network.BaseAddress.GetAddressBytes();
        int length = network.PrefixLength + (v4 ? 96 : 0), node = 0;
        for (int i = 0; i < length; i++)
        {
            int side = bytes[i / 8] >> (7 - i % 8) & 1;
            if (i == length - 1) _leaves.Add((node, side, (int)_data.Length));
            else
            {
                if (_nodes[node][side] is null)
                {
                    _nodes.Add(new uint?[2]);
                    _nodes[node][side] = (uint)_nodes.Count - 1;
                }
                node = (int)_nodes[node][side]!.Value;
            }
        }
        Write(_data, value);
        return this;
    }

    public byte[] ToArray()
    {
        var file = new MemoryStream();
        uint count = (uint)_nodes.Count;
        foreach (var (node, side, offset) in _leaves) _nodes[node][side] = count + 16 + (uint)offset;
        Span<byte> four = stackalloc byte[4];
        foreach (var node in _nodes)
            foreach (uint? record in node)
            {
                BinaryPrimitives.WriteUInt32BigEndian(four, record ?? count);
                file.Write(four);
            }
        file.Write(new byte[16]);
        _data.WriteTo(file);
        file.Write([0xAB, 0xCD, 0xEF, .. "MaxMind.com"u8]);
        Write(file, new Dictionary<string, object>
        {
            ["binary_format_major_version"] = (ushort)2, ["binary_format_minor_version"] = (ushort)0, ["build_epoch"] = 1_700_000_000ul,
            ["database_type"] = type, ["description"] = new Dictionary<string, object> { ["en"] = "for tests" },
            ["ip_version"] = (ushort)6, ["languages"] = new List<object> { "en" }, ["node_count"] = count, ["record_size"] = (ushort)32,
        });
        return file.ToArray();
    }

    private static void Write(Stream to, object value)
    {
        switch (value)
        {
            case string text:
                byte[] utf8 = Encoding.UTF8.GetBytes(text);
                Head(to, 2, utf8.Length);
                to.Write(utf8);
                break;
            case Dictionary<string, object> map:
                Head(to, 7, map.Count);
                foreach (var (name, item) in map)
                {
                    Write(to, name);
                    Write(to, item);
                }
                break;
            case List<object> list:
                Head(to, 11, list.Count);
                foreach (object item in list) Write(to, item);
                break;
            case bool truth: Head(to, 14, truth ? 1 : 0); break;
            case ushort number: Number(to, 5, number); break;
            case uint number: Number(to, 6, number); break;
            case ulong number: Number(to, 9, number); break;
            default: throw new NotSupportedException(value.GetType().Name);
        }
    }

    private static void Number(Stream to, int kind, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        var used = bytes.TrimStart((byte)0);
        Head(to, kind, used.Length);
        to.Write(used);
    }

    private static void Head(Stream to, int kind, int size)
    {
        int low = Math.Min(size, 29);
        to.WriteByte((byte)((kind > 7 ? 0 : kind << 5) | low));
        if (kind > 7) to.WriteByte((byte)(kind - 7));
        if (low == 29) to.WriteByte((byte)(size - 29)); // up to 284
    }
}
