namespace Managed.Proxy.Core.Tls;

/// <summary>What a server does without a staple, or with one that is out of date (Envoy's ocsp_staple_policy).</summary>
internal enum StaplePolicy
{
    /// <summary>Sends what is fresh, and goes on without it otherwise.</summary>
    Lenient,
    /// <summary>A certificate that has a staple is not used with one that is out of date.</summary>
    Strict,
    /// <summary>No handshake without a fresh staple.</summary>
    MustStaple,
}

/// <summary>The server's side of TLS, for all workers and all sets of certificates of one chain.</summary>
internal sealed record TlsServerSettings
{
    public required TlsParameters Parameters { get; init; }
    /// <summary>Null: clients are not asked for a certificate.</summary>
    public PeerVerifier? Verifier { get; init; }
    public bool RequireClientCertificate { get; init; }
    /// <summary>Null: sessions cannot be resumed.</summary>
    public TicketKeys? Tickets { get; init; }
    public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromHours(2); // BoringSSL's default, and so Envoy's
    /// <summary>At most 32 bytes that differ wherever a session must not be taken from one place to another.</summary>
    public required byte[] SessionContext { get; init; }
    public StaplePolicy StaplePolicy { get; init; }
}

/// <summary>The client's side of TLS, for all workers of one cluster.</summary>
internal sealed record TlsClientSettings
{
    public required TlsParameters Parameters { get; init; }
    /// <summary>Null: the server's certificate is not looked at.</summary>
    public PeerVerifier? Verifier { get; init; }
    /// <summary>Shown when the server asks for one.</summary>
    public TlsCertificate? Certificate { get; init; }
    /// <summary>Sessions kept for each name and worker; 0: none is used again.</summary>
    public int MaxSessions { get; init; } = 1; // Envoy's max_session_keys
}
