using System.Buffers;
using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Router.Matching;

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

    /// <summary>False when the domain is taken, or is not a domain (<paramref name="wrong"/>). Before <see cref="Complete"/>.</summary>
    public bool TryAdd(string domain, VirtualHost host, out string? wrong)
    {
        wrong = null;
        string name = domain.ToLowerInvariant();
        if (name == "*") return TakeAny(host);
        int star = name.IndexOf('*');
        if (name.Length == 0) wrong = "a domain cannot be empty";
        else if (star >= 0 && (name.LastIndexOf('*') != star || (star != 0 && star != name.Length - 1)))
            wrong = $"'{domain}': the * of a domain stands alone, at the start or at the end";
        else if (name.AsSpan().ContainsAny(" \t\r\n/")) wrong = $"'{domain}' is not a host name";
        if (wrong is not null) return false;
        _onlyAny = false;
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        if (star < 0) return _exact.TryAdd(bytes, host);
        if (star > 0) return _prefixes.TryAdd(bytes[..^1], host);
        bytes.AsSpan(1).Reverse(); // suffixes are the prefixes of names read backwards
        return _suffixes.TryAdd(bytes[1..], host);
    }

    /// <summary>Once all domains are there.</summary>
    public void Complete()
    {
        _suffixes.Complete();
        _prefixes.Complete();
    }

    public VirtualHost? Find(ReadOnlySpan<byte> authority)
    {
        if (_onlyAny) return _any;
        if (ignorePort && PortStart(authority) is >= 0 and var colon) authority = authority[..colon];
        byte[]? rented = authority.Length > StackBytes ? ArrayPool<byte>.Shared.Rent(authority.Length) : null;
        Span<byte> lower = rented ?? stackalloc byte[StackBytes];
        lower = lower[..authority.Length];
        authority.CopyTo(lower);
        AsciiCase.Lower(lower);
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

    private VirtualHost? FindLower(Span<byte> host)
    {
        if (_exact.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(host, out var found)) return found;
        if (host.IsEmpty) return _any;
        if (_prefixes.Find(host[..^1]) is var prefix && _suffixes.IsEmpty) return prefix ?? _any;
        host.Reverse();
        return _suffixes.Find(host[..^1]) ?? prefix ?? _any;
    }

    private bool TakeAny(VirtualHost host)
    {
        if (_any is not null) return false;
        _any = host;
        return true;
    }

    /// <summary>The fixed parts of wildcards of one side, beginning where the name's end is.</summary>
    private sealed class Wildcards
    {
        private SortedDictionary<byte[], VirtualHost>? _adding =
            new(Comparer<byte[]>.Create(static (a, b) => a.AsSpan().SequenceCompareTo(b)));
        private PrefixTree _tree = new([]);
        private VirtualHost[] _hosts = [];

        public bool IsEmpty => _hosts.Length == 0;

        public bool TryAdd(byte[] part, VirtualHost host) => _adding!.TryAdd(part, host);

        public void Complete()
        {
            _tree = new PrefixTree([.. _adding!.Keys]);
            _hosts = [.. _adding.Values];
            _adding = null;
        }

        public VirtualHost? Find(ReadOnlySpan<byte> name) => _tree.Find(name) is >= 0 and var node ? _hosts[node] : null;
    }
}
