using Managed.Proxy.Core.Tls;

namespace Managed.Proxy.Security;

/// <summary>
/// Which certificates a server has for a name: those with the name itself, else those with a wildcard for it, the first for each type of
/// key. Among
/// them OpenSSL chooses by what the client can do. For no name: the first of all for each type of key. For a name that none has: the first
/// of all, or, where the configuration says so, the same as for no name (Envoy's full_scan_certs_on_sni_mismatch). A look-up allocates
/// nothing.
/// </summary>
internal sealed class CertificateChoice
{
    private readonly Dictionary<string, int> _exact = new(StringComparer.Ordinal), _wildcards = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _ends;
    private readonly List<IReadOnlyList<TlsCertificate>> _sets = [];
    private readonly int _nameless, _mismatched;

    public CertificateChoice(IReadOnlyList<TlsCertificate> certificates, bool fullScan)
    {
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        _nameless = SetOf(certificates);
        _mismatched = fullScan ? _nameless : SetOf([certificates[0]]);
        var byName = new Dictionary<string, List<TlsCertificate>>(StringComparer.Ordinal);
        foreach (var certificate in certificates)
            foreach (string name in certificate.HostNames.Select(n => n.ToLowerInvariant()).Distinct())
            {
                if (!byName.TryGetValue(name, out var all)) byName[name] = all = [];
                all.Add(certificate);
            }
        foreach (var (name, all) in byName)
            if (name.StartsWith("*.", StringComparison.Ordinal)) _wildcards[name[2..]] = SetOf(all); else _exact[name] = SetOf(all);
        _ends = _wildcards.GetAlternateLookup<ReadOnlySpan<char>>();

        int SetOf(IReadOnlyList<TlsCertificate> all)
        {
            IReadOnlyList<TlsCertificate> set = [.. all.DistinctBy(c => c.Leaf.KeyType)];
            string key = string.Join(',', set.Select(c => Convert.ToHexString(c.Leaf.Sha256)));
            if (known.TryGetValue(key, out int at)) return at;
            _sets.Add(set);
            return known[key] = _sets.Count - 1;
        }
    }

    /// <summary>The sets that there are.</summary>
    public IReadOnlyList<IReadOnlyList<TlsCertificate>> Sets => _sets;

    /// <summary>The set for a name in lower case; its place in <see cref="Sets"/>.</summary>
    public int Choose(string serverName)
    {
        if (serverName.Length == 0) return _nameless;
        if (_exact.TryGetValue(serverName, out int set)) return set;
        int dot = serverName.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && _ends.TryGetValue(serverName.AsSpan(dot + 1), out set) ? set : _mismatched;
    }
}
