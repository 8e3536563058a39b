using System.Net;
using System.Net.Sockets;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;

namespace Managed.Proxy.Http.Rules;

/// <summary>Whose requests are internal: they keep what steers the router and get <c>x-envoy-internal: true</c>.</summary>
internal sealed class InternalAddresses
{
    private readonly (UInt128 Bits, UInt128 Mask, AddressFamily Family)[] _ranges;

    private InternalAddresses((UInt128, UInt128, AddressFamily)[] ranges, bool unixSockets)
    {
        _ranges = ranges;
        UnixSockets = unixSockets;
    }

    /// <summary>Nobody's, as in Envoy where nothing is configured.</summary>
    public static InternalAddresses None { get; } = new([], false);

    /// <summary>A peer on a Unix socket is internal.</summary>
    public bool UnixSockets { get; }

    /// <summary>What is wrong is added to the errors and left out.</summary>
    public static InternalAddresses Build(IReadOnlyList<CidrRangeConfig> blocks, bool unixSockets, ConfigErrors errors)
    {
        var ranges = new List<(UInt128, UInt128, AddressFamily)>();
        foreach (var range in blocks)
        {
            if (!IPAddress.TryParse(range.AddressPrefix, out var prefix)
                || range.PrefixLen > (prefix.AddressFamily == AddressFamily.InterNetwork ? 32 : 128))
            {
                string block = $"{range.AddressPrefix}/{range.PrefixLen}";
                errors.ErrorAt(range.Node, "address_prefix", ConfigCode.InvalidValue, $"'{block}' is not a block of IP addresses");
                continue;
            }
            var mask = range.PrefixLen == 0 ? UInt128.Zero : UInt128.MaxValue << (128 - range.PrefixLen);
            ranges.Add((Bits(prefix) & mask, mask, prefix.AddressFamily));
        }
        return new InternalAddresses([.. ranges], unixSockets);
    }

    public bool Contains(IPAddress address)
    {
        if (_ranges.Length == 0) return false;
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        var bits = Bits(address);
        foreach (var (first, mask, family) in _ranges)
            if (family == address.AddressFamily && (bits & mask) == first) return true;
        return false;
    }

    // The address from the highest bit down.
    private static UInt128 Bits(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        address.TryWriteBytes(bytes, out _);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }
}
