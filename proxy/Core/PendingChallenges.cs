using System.Collections.Frozen;

namespace Managed.Proxy.Core;

/// <summary>
/// What listeners answer to an authority that looks whether a name is ours, as long as an order is on its way. Workers read one reference,
/// which is null when nothing is pending: the usual request pays for that look alone.
/// </summary>
public sealed class PendingChallenges
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (string Host, byte[] Answer)> _http = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (byte[] ChainPem, byte[] KeyPem)> _tls = new(StringComparer.Ordinal);
    private volatile Table? _now;

    internal sealed record Table(FrozenDictionary<string, (string Host, byte[] Answer)> Http,
        FrozenDictionary<string, (byte[] ChainPem, byte[] KeyPem)> Tls)
    {
        public FrozenDictionary<string, (string Host, byte[] Answer)>.AlternateLookup<ReadOnlySpan<char>> Tokens { get; }
            = Http.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>Null: nothing is pending. Any thread.</summary>
    internal Table? Now => _now;

    /// <summary>
    /// HTTP-01 (RFC 8555 section 8.3): <c>GET /.well-known/acme-challenge/TOKEN</c> at this host is answered so. Gone with what is given
    /// back.
    /// </summary>
    /// <param name="host">In lower case, without a port.</param>
    public IDisposable AddHttp(string token, string host, byte[] answer)
        => Add(() => _http[token] = (host, answer), () => _http.Remove(token));

    /// <summary>
    /// TLS-ALPN-01 (RFC 8737): a client that offers the protocol <c>acme-tls/1</c> alone and names this host is shown this certificate.
    /// </summary>
    public IDisposable AddTls(string host, byte[] chainPem, byte[] keyPem)
        => Add(() => _tls[host] = (chainPem, keyPem), () => _tls.Remove(host));

    private Addition Add(Action add, Action remove)
    {
        lock (_lock)
        {
            add();
            Publish();
        }
        return new(this, remove);
    }

    private void Publish() => _now = _http.Count + _tls.Count == 0 ? null
        : new(_http.ToFrozenDictionary(StringComparer.Ordinal), _tls.ToFrozenDictionary(StringComparer.Ordinal));

    private sealed class Addition(PendingChallenges of, Action remove) : IDisposable
    {
        private Action? _remove = remove;

        public void Dispose()
        {
            lock (of._lock)
            {
                _remove?.Invoke();
                _remove = null;
                of.Publish();
            }
        }
    }
}
