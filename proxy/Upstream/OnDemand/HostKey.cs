using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Managed.Proxy.Upstream.OnDemand;

/// <summary>A host with its port as it is looked up: <c>name:port</c>, in lower case, an IPv6 address in brackets.</summary>
internal static class HostKey
{
    /// <summary>Room for the longest.</summary>
    public const int MaxLength = 264;

    /// <summary>Into <paramref name="key"/>; its length, -1 when it is no host.</summary>
    /// <param name="authority">Of a request: a host, perhaps with a port.</param>
    /// <param name="otherwise">The port of one without.</param>
    /// <param name="key">Of <see cref="MaxLength"/>.</param>
    /// <param name="nameLength">How much of it is the host.</param>
    public static int Write(ReadOnlySpan<byte> authority, int otherwise, Span<char> key, out int nameLength)
    {
        nameLength = 0;
        int port = otherwise;
        int end = authority.IsEmpty || authority[^1] == (byte)']' ? -1 : authority.LastIndexOf((byte)':');
        if (end >= 0)
        {
            var digits = authority[(end + 1)..];
            if (!Utf8Parser.TryParse(digits, out ushort given, out int used) || used != digits.Length || given == 0) return -1;
            port = given;
            authority = authority[..end];
        }
        if (authority.Length is 0 or > 255 || Ascii.ToLower(authority, key, out nameLength) != OperationStatus.Done) return -1;
        if (key[..nameLength].ContainsAny(" /@?#\\\t\0")) return -1;
        key[nameLength] = ':';
        return port.TryFormat(key[(nameLength + 1)..], out int length, default, CultureInfo.InvariantCulture)
            ? nameLength + 1 + length : -1;
    }
}
