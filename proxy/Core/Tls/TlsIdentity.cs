namespace Managed.Proxy.Core.Tls;

/// <summary>What one side of TLS shows and trusts.</summary>
/// <param name="Certificates">Its own, each with its chain.</param>
/// <param name="TrustedCa">PEM of the authorities that the configuration gives; empty without any.</param>
internal sealed record TlsIdentity(IReadOnlyList<TlsCertificate> Certificates, byte[] TrustedCa)
{
    /// <summary>What is asked of authorities for it: of each such certificate one.</summary>
    public IReadOnlyList<AcmeRequest> Acme { get; init; } = [];
}
