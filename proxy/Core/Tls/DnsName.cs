namespace Managed.Proxy.Core.Tls;

/// <summary>Names of hosts in certificates.</summary>
internal static class DnsName
{
    /// <summary>
    /// Whether a certificate's name is meant for a host (RFC 6125 section 6.4): the same but for the case of letters, or with a whole first
    /// label that is a star, which stands for one label and not for all below a top level domain.
    /// </summary>
    public static bool Matches(string pattern, string host)
    {
        if (pattern.Equals(host, StringComparison.OrdinalIgnoreCase)) return true;
        if (!pattern.StartsWith("*.", StringComparison.Ordinal) || pattern.IndexOf('.', 2) < 0) return false;
        int dot = host.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && host.AsSpan(dot).Equals(pattern.AsSpan(1), StringComparison.OrdinalIgnoreCase);
    }
}
