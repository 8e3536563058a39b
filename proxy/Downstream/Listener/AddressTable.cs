using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>A range of addresses (CIDR); the bits after the prefix are zero, so that equal ranges are equal.</summary>
internal readonly record struct AddressRange(bool IsV6, UInt128 Prefix, int Length)
{
    public static AddressRange Of(IPAddress address, int length)
    {
        var (isV6, bits) = Bits(address);
        length = Math.Clamp(length, 0, isV6 ? 128 : 32);
        return new AddressRange(isV6, bits & Mask(length), length);
    }

    /// <summary>The address with its first bit as the highest of 128; IPv4 in the upper 32.</summary>
    public static (bool IsV6, UInt128 Bits) Bits(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        address.TryWriteBytes(bytes, out _);
        return (address.AddressFamily == AddressFamily.InterNetworkV6, BinaryPrimitives.ReadUInt128BigEndian(bytes));
    }

    public static UInt128 Mask(int length) => length == 0 ? UInt128.Zero : UInt128.MaxValue << (128 - length);
}

/// <summary>Steps by ranges of addresses: the longest prefix wins. A look-up for each length that occurs, longest first.</summary>
internal sealed class AddressTable
{
    private readonly List<(int Length, Dictionary<UInt128, ChainNode> Nodes)> _v4 = [], _v6 = [];

    public void Add(AddressRange range, ChainNode next)
    {
        var lengths = range.IsV6 ? _v6 : _v4;
        int at = lengths.FindIndex(l => l.Length <= range.Length);
        if (at < 0 || lengths[at].Length != range.Length) lengths.Insert(at = at < 0 ? lengths.Count : at, (range.Length, []));
        lengths[at].Nodes[range.Prefix] = next;
    }

    public ChainNode? Find(IPAddress address)
    {
        var (isV6, bits) = AddressRange.Bits(address);
        foreach (var (length, nodes) in isV6 ? _v6 : _v4)
            if (nodes.TryGetValue(bits & AddressRange.Mask(length), out var next)) return next;
        return null;
    }
}
