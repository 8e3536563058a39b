using System.Collections.Concurrent;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Tls;

namespace Managed.Proxy.Security;

/// <summary>Counters of TLS under Envoy's names: listener.*.ssl.* and cluster.*.ssl.*.</summary>
internal sealed class SslStats
{
    private static readonly StatGroup Names = new(
        ["connection_error", "handshake", "session_reused", "no_certificate", "fail_verify_no_cert", "fail_verify_error", "fail_verify_san",
            "fail_verify_cert_hash",
            "ocsp_staple_requests", "ocsp_staple_responses", "ocsp_staple_omitted", "ocsp_staple_failed"], [], []);

    private readonly StatScope _names;
    private readonly string _prefix;
    private readonly Counter _connectionError, _handshake, _reused, _noCertificate, _failNoCert, _failError, _failSan, _failHash,
        _stapleAsked, _stapleSent, _stapleOmitted, _stapleFailed;
    // What was agreed on, by its name; there are some dozens at most.
    private readonly ConcurrentDictionary<string, Counter> _agreed = new(StringComparer.Ordinal);

    /// <param name="names">The version's.</param>
    /// <param name="prefix">Such as listener.edge. with its dot.</param>
    public SslStats(StatScope names, string prefix)
    {
        _names = names;
        _prefix = prefix + "ssl.";
        var group = names.Group(_prefix, Names);
        _connectionError = group.Counter("connection_error");
        _handshake = group.Counter("handshake");
        _reused = group.Counter("session_reused");
        _noCertificate = group.Counter("no_certificate");
        _failNoCert = group.Counter("fail_verify_no_cert");
        _failError = group.Counter("fail_verify_error");
        _failSan = group.Counter("fail_verify_san");
        _failHash = group.Counter("fail_verify_cert_hash");
        _stapleAsked = group.Counter("ocsp_staple_requests");
        _stapleSent = group.Counter("ocsp_staple_responses");
        _stapleOmitted = group.Counter("ocsp_staple_omitted");
        _stapleFailed = group.Counter("ocsp_staple_failed");
    }

    public void Count(StatsCells cells, TlsTransport transport, int result)
    {
        if (transport.Staple != StapleOutcome.NotAsked)
        {
            cells.Increment(_stapleAsked);
            cells.Increment(transport.Staple switch { StapleOutcome.Sent => _stapleSent, StapleOutcome.Omitted => _stapleOmitted,
                _ => _stapleFailed });
        }
        switch (transport.Verdict)
        {
            case PeerVerdict.NoCertificate: cells.Increment(_failNoCert); return;
            case PeerVerdict.Untrusted: cells.Increment(_failError); return;
            case PeerVerdict.WrongName: cells.Increment(_failSan); return;
            case PeerVerdict.NotPinned: cells.Increment(_failHash); return;
        }
        if (result < 0 || transport.Connection is not { } connection)
        {
            cells.Increment(_connectionError);
            return;
        }
        cells.Increment(_handshake);
        if (connection.IsResumed) cells.Increment(_reused);
        if (!connection.HasPeerCertificate) cells.Increment(_noCertificate);
        Agreed(cells, connection.Version, "versions.");
        Agreed(cells, connection.Cipher, "ciphers.");
        Agreed(cells, connection.Group, "curves.");
    }

    /// <summary>A client that has to name the server and does not, or a context that cannot be had.</summary>
    public void CountError(StatsCells cells) => cells.Increment(_connectionError);

    private void Agreed(StatsCells cells, string name, string kind)
    {
        if (name.Length == 0) return;
        if (!_agreed.TryGetValue(name, out var counter)) counter = _agreed.GetOrAdd(name, _names.Counter(_prefix + kind + name));
        cells.Increment(counter);
    }
}
