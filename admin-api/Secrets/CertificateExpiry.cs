using Managed.AdminApi.Events;
using Managed.AdminApi.Versions;
using Managed.Proxy;

namespace Managed.AdminApi.Secrets;

/// <summary>
/// Tells of certificates that expire within fourteen days, or have: an event and a line in the log, once for each of the two, after each
/// publication and every hour.
/// </summary>
internal sealed class CertificateExpiry : IDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromDays(14), Every = TimeSpan.FromHours(1);

    private readonly ProxyServer _proxy;
    private readonly EventLog _events;
    private readonly TimeProvider _time;
    private readonly ILogger<CertificateExpiry> _logger;
    private readonly Lock _lock = new();
    private HashSet<(string Sha256, bool Expired)> _told = [];
    private ITimer? _timer;

    public CertificateExpiry(ProxyServer proxy, Publisher publisher, EventLog events, TimeProvider time, ILogger<CertificateExpiry> logger)
    {
        (_proxy, _events, _time, _logger) = (proxy, events, time, logger);
        publisher.Published += _ => Look();
    }

    public void Watch() => _timer = _time.CreateTimer(_ => Look(), null, TimeSpan.Zero, Every);

    public void Dispose() => _timer?.Dispose();

    private void Look()
    {
        try
        {
            lock (_lock)
            {
                var now = _time.GetUtcNow();
                var ending = _proxy.Certificates(endingBefore: now + Soon)
                    .Select(u => (u.Owner, Facts: u.Chain[0], Key: (u.Chain[0].Sha256, Expired: u.Chain[0].NotAfter <= now))).ToList();
                foreach (var (owner, facts, key) in ending.Where(e => !_told.Contains(e.Key)).DistinctBy(e => e.Key))
                {
                    SecretLog.Expires(_logger, facts.Title, owner, key.Expired ? "expired" : "expires", facts.NotAfter);
                    _events.Add(key.Expired ? "certificate.expired" : "certificate.expiring",
                        new { name = facts.Title, serial_number = facts.Serial, sha256 = facts.Sha256, used_by = owner,
                            expiration_time = facts.NotAfter });
                }
                _told = [.. ending.Select(e => e.Key)]; // those that have gone are forgotten
            }
        }
        catch (Exception e)
        {
            SecretLog.ExpiryUnknown(_logger, e.Message); // the version is live whatever can be told of it
        }
    }
}
