using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;

namespace Managed.Proxy.Router.Matching;

/// <summary>Blocks of IP addresses. An IPv4 address that came on an IPv6 socket is an IPv4 address.</summary>
internal sealed class IpBlocks
{
    private readonly (UInt128 Bits, UInt128 Mask, AddressFamily Family)[] _blocks;

    private IpBlocks((UInt128, UInt128, AddressFamily)[] blocks) => _blocks = blocks;

    public static IpBlocks None { get; } = new([]);

    public bool IsEmpty => _blocks.Length == 0;

    /// <summary>What is wrong is added to the errors and left out.</summary>
    public static IpBlocks Build(IReadOnlyList<CidrRangeConfig> configs, ConfigErrors errors)
    {
        var blocks = new List<(UInt128, UInt128, AddressFamily)>();
        foreach (var block in configs)
        {
            if (!IPAddress.TryParse(block.AddressPrefix, out var prefix)
                || block.PrefixLen > (prefix.AddressFamily == AddressFamily.InterNetwork ? 32 : 128))
            {
                errors.ErrorAt(block.Node, "address_prefix", ConfigCode.InvalidValue,
                    $"'{block.AddressPrefix}/{block.PrefixLen}' is not a block of IP addresses");
                continue;
            }
            var mask = block.PrefixLen == 0 ? UInt128.Zero : UInt128.MaxValue << (128 - block.PrefixLen);
            blocks.Add((Bits(prefix) & mask, mask, prefix.AddressFamily));
        }
        return new IpBlocks([.. blocks]);
    }

    /// <summary>The first block that has the address; -1: none has.</summary>
    public int Find(IPAddress address)
    {
        if (_blocks.Length == 0) return -1;
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        var bits = Bits(address);
        for (int i = 0; i < _blocks.Length; i++)
            if (_blocks[i].Family == address.AddressFamily && (bits & _blocks[i].Mask) == _blocks[i].Bits) return i;
        return -1;
    }

    public bool Contains(IPAddress? address) => address is not null && Find(address) >= 0;

    // The address from the highest bit down.
    private static UInt128 Bits(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        address.TryWriteBytes(bytes, out _);
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }
}
