using System.Buffers;
using System.Text;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Router;

/// <summary>
/// Finds the virtual host of a host name in Envoy's order: exact, longest <c>*.suffix</c>, longest <c>prefix.*</c>, <c>*</c>. Case does
/// not count; a wildcard stands for at least one character.
/// </summary>
internal sealed class Domains(bool ignorePort)
{
    private const int StackBytes = 256; // a DNS name has at most 253

    private readonly Dictionary<byte[], VirtualHost> _exact = new(ByteKeys.Comparer);
    private readonly Wildcards _suffixes = new(), _prefixes = new();
    private VirtualHost? _any;
    private bool _onlyAny = true;

    /// <summary>False when the domain is taken, or is not a domain (<paramref name="wrong"/>).</summary>
    public bool TryAdd(string domain, VirtualHost host, out string? wrong)
    {
        wrong = null;
        string name = domain.ToLowerInvariant();
        if (name == "*") return TakeAny(host);
        int star = name.IndexOf('*');
        if (name.Length == 0) wrong = "a domain cannot be empty";
        else if (star >= 0 && (name.LastIndexOf('*') != star || (star != 0 && star != name.Length - 1))) wrong = $"'{domain}': the * of a domain stands alone, at the start or at the end";
        else if (name.AsSpan().ContainsAny(" \t\r\n/")) wrong = $"'{domain}' is not a host name";
        if (wrong is not null) return false;
        _onlyAny = false;
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        if (star < 0) return _exact.TryAdd(bytes, host);
        return star == 0 ? _suffixes.TryAdd(bytes[1..], host) : _prefixes.TryAdd(bytes[..^1], host);
    }

    public VirtualHost? Find(ReadOnlySpan<byte> authority)
    {
        if (_onlyAny) return _any;
        if (ignorePort && PortStart(authority) is >= 0 and var colon) authority = authority[..colon];
        byte[]? rented = authority.Length > StackBytes ? ArrayPool<byte>.Shared.Rent(authority.Length) : null;
        Span<byte> lower = rented ?? stackalloc byte[StackBytes];
        lower = lower[..authority.Length];
        for (int i = 0; i < lower.Length; i++)
        {
            byte b = authority[i];
            lower[i] = b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b | 0x20) : b;
        }
        var found = FindLower(lower);
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        return found;
    }

    /// <summary>Where <c>:port</c> begins; -1 when there is none. The colons inside of an IPv6 address are none.</summary>
    public static int PortStart(ReadOnlySpan<byte> authority)
    {
        int colon = authority.LastIndexOf((byte)':');
        if (colon < 0 || authority[colon..].IndexOf((byte)']') >= 0) return -1;
        if (authority.IndexOf((byte)']') < 0 && authority[..colon].IndexOf((byte)':') >= 0) return -1;
        return colon + 1 < authority.Length && authority[(colon + 1)..].IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0 ? colon : -1;
    }

    private VirtualHost? FindLower(ReadOnlySpan<byte> host)
    {
        if (_exact.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(host, out var found)) return found;
        foreach (int length in _suffixes.Lengths)
            if (length < host.Length && _suffixes.TryFind(host[^length..], out found)) return found;
        foreach (int length in _prefixes.Lengths)
            if (length < host.Length && _prefixes.TryFind(host[..length], out found)) return found;
        return _any;
    }

    private bool TakeAny(VirtualHost host)
    {
        if (_any is not null) return false;
        _any = host;
        return true;
    }

    /// <summary>The fixed parts of wildcards of one side, with their lengths from the longest down.</summary>
    private sealed class Wildcards
    {
        private readonly Dictionary<byte[], VirtualHost> _byPart = new(ByteKeys.Comparer);
        private int[] _lengths = [];

        public ReadOnlySpan<int> Lengths => _lengths;

        public bool TryAdd(byte[] part, VirtualHost host)
        {
            if (!_byPart.TryAdd(part, host)) return false;
            if (!_lengths.Contains(part.Length)) _lengths = [.. _lengths.Append(part.Length).OrderDescending()];
            return true;
        }

        public bool TryFind(ReadOnlySpan<byte> part, out VirtualHost? host) => _byPart.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(part, out host);
    }
}
