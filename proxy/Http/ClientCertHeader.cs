using System.Text;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http;

/// <summary>What becomes of x-forwarded-client-cert.</summary>
public enum ForwardClientCertDetails
{
    /// <summary>Removed.</summary>
    Sanitize,
    /// <summary>Kept as it came, from a client that showed a certificate; else removed.</summary>
    ForwardOnly,
    /// <summary>What the client's certificate says is added to what came.</summary>
    AppendForward,
    /// <summary>Replaced by what the client's certificate says.</summary>
    SanitizeSet,
    /// <summary>Kept as it came, whoever sent it.</summary>
    AlwaysForwardOnly,
}

/// <summary>
/// The header x-forwarded-client-cert (Envoy's documentation, "x-forwarded-client-cert"): one element for each proxy, its fields joined
/// by semicolons: By, Hash, Cert, Chain, Subject, URI, DNS. Immutable.
/// </summary>
internal sealed class ClientCertHeader
{
    /// <summary>Removes it.</summary>
    public static readonly ClientCertHeader None = new();

    public ForwardClientCertDetails Mode { get; init; }
    public bool Subject { get; init; }
    public bool Cert { get; init; }
    public bool Chain { get; init; }
    public bool Dns { get; init; }
    public bool Uri { get; init; }

    /// <summary>Of a request from a client with this TLS; null without.</summary>
    public void Apply(HeaderMap headers, TlsConnection? tls, Core.Buffers.ByteWriter scratch)
    {
        if (Mode == ForwardClientCertDetails.AlwaysForwardOnly) return;
        if (Mode == ForwardClientCertDetails.Sanitize || tls is not { HasPeerCertificate: true })
        {
            headers.Remove(HeaderId.XForwardedClientCert);
            return;
        }
        if (Mode == ForwardClientCertDetails.ForwardOnly) return;
        byte[] element = ElementOf(tls);
        if (Mode == ForwardClientCertDetails.SanitizeSet) headers.Set(HeaderId.XForwardedClientCert, element);
        else ConnectionManager.Append(headers, HeaderId.XForwardedClientCert, element, scratch);
    }

    // Written once for a connection: another version's manager may ask for other parts.
    private byte[] ElementOf(TlsConnection tls)
    {
        var (maker, element) = tls.Described;
        if (maker == this) return (byte[])element!;
        byte[] written = Encoding.ASCII.GetBytes(Write(tls, tls.Peer!));
        tls.Described = (this, written);
        return written;
    }

    private string Write(TlsConnection tls, PeerCertificate peer)
    {
        var parts = new List<string>();
        if (tls.Local is { Leaf: var own }) parts.AddRange(own.Names(SanType.Uri).Select(n => "By=" + Quoted(n)));
        parts.Add("Hash=" + Convert.ToHexStringLower(peer.Sha256));
        if (Cert) parts.Add($"Cert=\"{Encoded(peer.Pem)}\"");
        if (Chain) parts.Add($"Chain=\"{Encoded(string.Concat(tls.PeerChain.Select(PeerCertificate.PemOf)))}\"");
        if (Subject) parts.Add($"Subject=\"{Printable(peer.Subject)}\"");
        if (Uri) parts.AddRange(NamesOr(peer, SanType.Uri).Select(n => "URI=" + Quoted(n)));
        if (Dns) parts.AddRange(peer.Names(SanType.Dns).Select(n => "DNS=" + Quoted(n)));
        return string.Join(';', parts);
    }

    // The field is there even where there is no such name.
    private static IEnumerable<string> NamesOr(PeerCertificate peer, SanType type) => peer.Names(type).DefaultIfEmpty("");

    // Who signs a certificate may have been careless about the names in it: none ends its field. Names are printable ASCII.
    private static string Quoted(string name) => name.AsSpan().IndexOfAny(",;=\" ") < 0 ? name
        : $"\"{name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    // RFC 2253 has escaped what would end the quotes, and all that is not ASCII.
    private static string Printable(string subject)
        => subject.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0 ? subject
            : string.Concat(subject.Select(c => c is >= ' ' and <= '~' ? c : '?'));

    private static string Encoded(string pem)
        => pem.Replace("\n", "%0A", StringComparison.Ordinal).Replace(" ", "%20", StringComparison.Ordinal)
            .Replace("+", "%2B", StringComparison.Ordinal).Replace("/", "%2F", StringComparison.Ordinal)
            .Replace("=", "%3D", StringComparison.Ordinal);
}
