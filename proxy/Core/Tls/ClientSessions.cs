namespace Managed.Proxy.Core.Tls;

/// <summary>
/// A client's sessions on one worker, for the next connection to the same name: a session never goes to another one. At most so many for a
/// name, the newest first, and <see cref="MaxNames"/> names.
/// </summary>
internal sealed class ClientSessions(int perName)
{
    public const int MaxNames = 1000;

    private readonly Dictionary<string, List<nint>> _sessions = [];

    /// <summary>Takes over OpenSSL's reference; false: it is not wanted.</summary>
    public bool Keep(string name, nint session)
    {
        if (!_sessions.TryGetValue(name, out var kept))
        {
            if (_sessions.Count >= MaxNames) Clear();
            _sessions[name] = kept = [];
        }
        if (kept.Count >= perName)
        {
            LibSsl.SSL_SESSION_free(kept[0]);
            kept.RemoveAt(0);
        }
        kept.Add(session);
        return true;
    }

    /// <summary>
    /// Gives a connection that begins the newest session of its name. One of TLS 1.3 is used once (RFC 8446 appendix C.4).
    /// </summary>
    public void Offer(string name, nint ssl)
    {
        if (!_sessions.TryGetValue(name, out var kept)) return;
        while (kept.Count > 0)
        {
            nint session = kept[^1];
            bool usable = LibSsl.SSL_SESSION_is_resumable(session) == 1 && LibSsl.SSL_set_session(ssl, session) == 1;
            if (usable && LibSsl.SSL_SESSION_get_protocol_version(session) != LibSsl.Tls13) return;
            kept.RemoveAt(kept.Count - 1);
            LibSsl.SSL_SESSION_free(session);
            if (usable) return;
        }
    }

    public void Clear()
    {
        foreach (var kept in _sessions.Values)
            foreach (nint session in kept) LibSsl.SSL_SESSION_free(session);
        _sessions.Clear();
    }
}
