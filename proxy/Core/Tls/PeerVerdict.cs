namespace Managed.Proxy.Core.Tls;

/// <summary>What became of the peer's certificate; each failure has its counter in Envoy's statistics.</summary>
internal enum PeerVerdict
{
    /// <summary>Nothing was asked for, or all that was asked for holds.</summary>
    Accepted,
    /// <summary>A certificate is required and none came.</summary>
    NoCertificate,
    /// <summary>The chain, its times, its purpose or a revocation list are against it.</summary>
    Untrusted,
    /// <summary>No alternative name is one of those that are accepted.</summary>
    WrongName,
    /// <summary>Neither the certificate nor its key is one of those that are pinned.</summary>
    NotPinned,
}

/// <summary>What became of a client's wish for an OCSP staple.</summary>
internal enum StapleOutcome { NotAsked, Sent, Omitted, Refused }
