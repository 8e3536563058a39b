using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Managed.Proxy.Http.Filters.Wasm.Code;

/// <summary>
/// Which hosts the node itself may ask for code, and at which addresses: whoever writes a configuration must not learn through it what only
/// the node can reach.
/// </summary>
public static class FetchHosts
{
    /// <summary><c>example.com</c>, <c>example.com:8443</c>, <c>*.example.com</c>, <c>[::1]:80</c> or <c>*</c>.</summary>
    public static bool IsEntry(string text)
    {
        if (text == "*") return true;
        var (host, port) = Split(text);
        if (port is ""
            || (port is not null && !(ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number)
                && number > 0))) return false;
        return Uri.CheckHostName(host.StartsWith("*.", StringComparison.Ordinal) ? host[2..] : host) is UriHostNameType.Dns
            or UriHostNameType.IPv4 or UriHostNameType.IPv6;
    }

    /// <param name="host">Without brackets.</param>
    /// <param name="literal">An entry names this very host; then its addresses may be the node's own or private ones.</param>
    internal static bool Allows(IReadOnlyList<string> entries, string host, int port, out bool literal)
    {
        literal = false;
        bool allowed = false;
        host = host.TrimEnd('.');
        foreach (string entry in entries)
        {
            var (name, only) = Split(entry);
            if (only is not null && only != port.ToString(CultureInfo.InvariantCulture)) continue;
            if (string.Equals(name, host, StringComparison.OrdinalIgnoreCase)) literal = allowed = true;
            else if (name == "*" || (name.StartsWith("*.", StringComparison.Ordinal) && host.Length >= name.Length
                && host.EndsWith(name[1..], StringComparison.OrdinalIgnoreCase))) allowed = true;
        }
        return allowed;
    }

    /// <summary>Why an address is not connected to; null when it may be.</summary>
    internal static string? Refusal(IPAddress address, bool named)
    {
        address = Embedded(address);
        var b = address.GetAddressBytes();
        bool v4 = address.AddressFamily == AddressFamily.InterNetwork;
        // Cloud providers hand out credentials at such addresses.
        if (v4 ? b[0] == 169 && b[1] == 254 : address.IsIPv6LinkLocal) return $"{address} is a link-local address, which is never asked";
        if (v4 ? b[0] is 0 or >= 224 : address.IsIPv6Multicast || address.Equals(IPAddress.IPv6Any))
            return $"{address} is no host's address";
        if (named) return null;
        if (IPAddress.IsLoopback(address))
            return $"{address} is this machine's own, which has to be allowed by its name and not by a pattern";
        bool inside = v4 ? b[0] == 10 || (b[0] == 172 && b[1] is >= 16 and < 32) || (b[0] == 192 && b[1] == 168)
            || (b[0] == 100 && b[1] is >= 64 and < 128) : (b[0] & 0xFE) == 0xFC || address.IsIPv6SiteLocal;
        return inside ? $"{address} is a private address, which has to be allowed by its name and not by a pattern" : null;
    }

    // IPv4 within IPv6: mapped, or behind the well-known prefix of NAT64 (RFC 6052).
    private static IPAddress Embedded(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) return address.MapToIPv4();
        var b = address.GetAddressBytes();
        return b.Length == 16 && b.AsSpan(0, 12).SequenceEqual((ReadOnlySpan<byte>)[0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0])
            ? new IPAddress(b.AsSpan(12)) : address;
    }

    private static (string Host, string? Port) Split(string entry)
    {
        if (entry.StartsWith('[') && entry.IndexOf(']', StringComparison.Ordinal) is > 0 and var end)
            return (entry[1..end], entry.Length == end + 1 ? null : entry[end + 1] == ':' ? entry[(end + 2)..] : "");
        int colon = entry.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 || entry.IndexOf(':', colon + 1) > 0 ? (entry, null) : (entry[..colon], entry[(colon + 1)..]);
    }
}
