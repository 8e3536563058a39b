using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Managed.Proxy.Configuration;

namespace Managed.Proxy.Http.Filters.IpTagging;

/// <summary>
/// Tags by blocks of addresses: a table for each length of prefix, so that an address is looked up at most 129 times, however many
/// blocks there are.
/// </summary>
internal sealed class IpTags
{
    private readonly (AddressFamily Family, UInt128 Mask, Dictionary<UInt128, int[]> Tags)[] _lengths;

    private IpTags((AddressFamily, UInt128, Dictionary<UInt128, int[]>)[] lengths) => _lengths = lengths;

    /// <summary>Null with errors added.</summary>
    public static IpTags? Build(IReadOnlyList<IpTagConfig> configs, ConfigErrors errors)
    {
        int before = errors.Count;
        var tables = new Dictionary<(AddressFamily, int), Dictionary<UInt128, int[]>>();
        for (int tag = 0; tag < configs.Count; tag++)
            foreach (var block in configs[tag].IpList)
            {
                if (!IPAddress.TryParse(block.AddressPrefix, out var prefix)
                    || block.PrefixLen > (prefix.AddressFamily == AddressFamily.InterNetwork ? 32 : 128))
                {
                    errors.ErrorAt(block.Node, "address_prefix", ConfigCode.InvalidValue,
                        $"'{block.AddressPrefix}/{block.PrefixLen}' is not a block of IP addresses");
                    continue;
                }
                var key = (prefix.AddressFamily, block.PrefixLen);
                if (!tables.TryGetValue(key, out var table)) tables[key] = table = [];
                var bits = Bits(prefix) & Mask(block.PrefixLen);
                int[] there = table.GetValueOrDefault(bits, []);
                if (!there.Contains(tag)) table[bits] = [.. there, tag];
            }
        return errors.Count > before ? null
            : new IpTags([.. tables.OrderBy(t => t.Key.Item2).Select(t => (t.Key.Item1, Mask(t.Key.Item2), t.Value))]);
    }

    /// <summary>Sets the bit of each tag that the address has. Whether it has one.</summary>
    public bool Find(IPAddress address, Span<ulong> tags)
    {
        tags.Clear();
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        var bits = Bits(address);
        bool any = false;
        foreach (var (family, mask, table) in _lengths)
        {
            if (family != address.AddressFamily || !table.TryGetValue(bits & mask, out int[]? found)) continue;
            any = true;
            foreach (int tag in found) tags[tag >> 6] |= 1UL << (tag & 63);
        }
        return any;
    }

    private static UInt128 Mask(int length) => length == 0 ? UInt128.Zero : UInt128.MaxValue << (128 - length);

    private static UInt128 Bits(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        address.TryWriteBytes(bytes, out _);
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }
}
