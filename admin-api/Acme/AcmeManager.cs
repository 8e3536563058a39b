using System.Security.Cryptography;
using Managed.AdminApi.Events;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Versions;
using Managed.Proxy;
using Managed.Proxy.Core.Tls;

namespace Managed.AdminApi.Acme;

/// <summary>
/// Sees to it that each certificate that the version in force wants of an authority is there and renewed in time. It looks after each
/// publication and every ten seconds; what is due becomes a task of its own, one for each certificate and a few at one time. Whatever an
/// authority does, the listeners go on with what they have.
/// </summary>
internal sealed class AcmeManager : IDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(10), KeptUnused = TimeSpan.FromDays(30);
    private const string Placeholder = "placeholder", Former = "former", Own = "certificate";

    private readonly ProxyServer _proxy;
    private readonly AcmeStore _store;
    private readonly AcmePublication _publication;
    private readonly EventLog _events;
    private readonly ILogger<AcmeManager> _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (AcmeRequest Request, Task Work)> _running = new(StringComparer.Ordinal);
    private ITimer? _timer;
    private long _orders, _issued, _failures;

    public AcmeManager(ProxyServer proxy, AcmeStore store, Publisher publisher, AcmePublication publication, EventLog events,
        TimeProvider time, ILogger<AcmeManager> logger)
    {
        (_proxy, _store, _publication, _events, Clock, _logger) = (proxy, store, publication, events, time, logger);
        store.Load();
        proxy.Acme.Find = Find;
        publisher.Published += _ => Look();
        proxy.Stats.ObserveAll(Stats);
    }

    public AcmeLimits Limits { get; set; } = new();
    /// <summary>What tells the time; tests set it.</summary>
    public TimeProvider Clock { get; set; }

    /// <summary>The folder is this process's: from now on it looks.</summary>
    public void Watch()
    {
        _store.Load(); // another process may have written it since
        _timer ??= Clock.CreateTimer(_ => Look(), null, TimeSpan.Zero, Every);
    }

    public void Dispose()
    {
        _timer?.Dispose();
        _stop.Cancel();
        try
        {
            Task.WaitAll([.. Running()], TimeSpan.FromSeconds(5)); // they end at once, and keep where they are
        }
        catch (AggregateException)
        {
            // Told by each.
        }
    }

    /// <summary>What is on its way now.</summary>
    public IReadOnlyList<Task> Running()
    {
        lock (_lock)
            return [.. _running.Values.Select(r => r.Work)];
    }

    public IReadOnlyList<AcmeView> List()
        => [.. _proxy.AcmeRequests().Select(r => View(r.Request, r.UsedBy)).OrderBy(v => v.Name, StringComparer.Ordinal)];

    /// <summary>Null: the version in force wants none of this name.</summary>
    public AcmeView? View(string id) => List().FirstOrDefault(v => v.Name == id);

    /// <summary>Renews as soon as may be, whatever its age; our own pause after failures does not count, the authority's does.</summary>
    /// <exception cref="ApiException">The authority wants to be left alone; or there is none of this name.</exception>
    public AcmeView Renew(string id)
    {
        if (_proxy.AcmeRequests().FirstOrDefault(r => r.Request.Id == id).Request is not { } request)
            throw ApiException.NotFound("certificate", id, List().Select(v => v.Name));
        lock (_lock)
        {
            if (!_running.ContainsKey(id))
            {
                var (record, now) = (RecordOf(request), Clock.GetUtcNow());
                if (record.AuthorityWaits > now)
                    throw new ApiException(ProblemCode.RateLimited, $"the authority wants to be left alone until {record.AuthorityWaits:u}")
                    {
                        Headers = new Dictionary<string, string> { ["Retry-After"] = ((long)(record.AuthorityWaits - now).TotalSeconds + 1)
                            .ToString(System.Globalization.CultureInfo.InvariantCulture) },
                    };
                Save(record with { RenewalAsked = true, NextAttempt = now });
            }
        }
        Look();
        return View(id)!;
    }

    /// <summary>Begins what is due.</summary>
    public void Look()
    {
        try
        {
            if (_stop.IsCancellationRequested || _timer is null || !_publication.MayWrite)
                return;
            _publication.Retry();
            var wanted = _proxy.AcmeRequests();
            var now = Clock.GetUtcNow();
            lock (_lock)
                foreach (var (request, _) in wanted)
                    if (_running.Count < Limits.AtOnce && !_running.Values.Any(r => r.Request.Domains.Intersect(request.Domains).Any()))
                    {
                        if (IsDue(request, now))
                            Start(request, RunAsync);
                        else if (_store.Find(request.Id) is { HasCertificate: true } has && has.NextWindowCheck <= now)
                            Start(request, AskWindowAsync);
                    }
            Forget(wanted, now);
        }
        catch (Exception e)
        {
            AcmeLog.LookFailed(_logger, e.Message);
        }
    }

    private bool IsDue(AcmeRequest request, DateTimeOffset now) => RecordOf(request) is var record && now >= record.NextAttempt
        && (!record.HasCertificate || record.RenewalAsked || record.Order is not null || now >= RenewalOf(request, record));

    private static DateTimeOffset RenewalOf(AcmeRequest request, AcmeRecord record)
        => AcmeLimits.RenewalOf(record.NotBefore, record.NotAfter, request.RenewBefore, record.SuggestedRenewal);

    private AcmeRecord RecordOf(AcmeRequest request)
        => _store.Find(request.Id) ?? new() { Id = request.Id, Domains = request.Domains, Rsa = request.Rsa };

    private AcmeRecord Save(AcmeRecord record)
    {
        _store.Save(record = record with { LastWanted = Clock.GetUtcNow() });
        return record;
    }

    private void Start(AcmeRequest request, Func<AcmeRequest, Task> work)
    {
        var begun = new TaskCompletionSource();
        _running[request.Id] = (request, Task.Run(async () =>
        {
            await begun.Task;
            try
            {
                await work(request);
            }
            finally
            {
                lock (_lock)
                    _running.Remove(request.Id);
            }
        }));
        begun.SetResult();
    }

    private async Task RunAsync(AcmeRequest request)
    {
        var before = RecordOf(request);
        var life = before.HasCertificate ? before.NotAfter - before.NotBefore : (TimeSpan?)null;
        try
        {
            // Kept first: see NextAttempt.
            var pause = AcmeLimits.BackOff(before.Failures + 1, life, Random.Shared.NextDouble());
            var record = Save(before with { NextAttempt = Clock.GetUtcNow() + pause });
            AcmeLog.Begins(_logger, string.Join(", ", request.Domains), request.Directory.AbsoluteUri);
            Interlocked.Increment(ref _orders);
            var issued = await new AcmeOrder(request, _store, _proxy.Acme.Challenges, Limits, Clock, Save).RunAsync(record, _stop.Token);
            Keep(request, issued);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            TrySave(RecordOf(request) with { NextAttempt = before.NextAttempt }); // the next start goes on at once
        }
        catch (AcmeException e)
        {
            Fail(request, life, e);
        }
        catch (Exception e)
        {
            Fail(request, life, new("internal", e.Message));
        }
    }

    private void Keep(AcmeRequest request, AcmeRecord issued)
    {
        var kept = Save(issued with
        {
            Failures = 0, LastFailure = null, RenewalAsked = false, NextAttempt = default, AuthorityWaits = default,
            SuggestedRenewal = null, WindowStart = null, WindowEnd = null, NextWindowCheck = Clock.GetUtcNow(),
        });
        Interlocked.Increment(ref _issued);
        var renewal = RenewalOf(request, kept);
        AcmeLog.Issued(_logger, kept.Id, kept.NotAfter, renewal);
        _events.Add("certificate.issued", 
            new { name = kept.Id, domains = kept.Domains, expiration_time = kept.NotAfter, renewal_time = renewal });
        _publication.Begin();
    }

    private void Fail(AcmeRequest request, TimeSpan? life, AcmeException failure)
    {
        Interlocked.Increment(ref _failures);
        var (record, now) = (RecordOf(request), Clock.GetUtcNow());
        var next = now + AcmeLimits.BackOff(record.Failures + 1, life, Random.Shared.NextDouble());
        var waits = failure.RetryAfter is { } wait ? now + wait : default;
        record = record with
        {
            Failures = record.Failures + 1, LastFailure = new(failure.Type, failure.Detail, now), AuthorityWaits = waits,
            NextAttempt = waits > next ? waits : next,
        };
        TrySave(record);
        var served = Served(request);
        AcmeLog.Failed(_logger, record.Id, failure.Type, failure.Detail, record.NextAttempt, served);
        _events.Add("certificate.renewal_failed", new { name = record.Id, domains = record.Domains, type = failure.Type,
            detail = failure.Detail, failures = record.Failures, next_attempt = record.NextAttempt, serves = served });
    }

    private void TrySave(AcmeRecord record)
    {
        try
        {
            if (_publication.MayWrite)
                Save(record);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            AcmeLog.LookFailed(_logger, e.Message); // the pause that was kept before the attempt holds
        }
    }

    private async Task AskWindowAsync(AcmeRequest request)
    {
        var record = RecordOf(request);
        try
        {
            Save(await RenewalWindow.AskAsync(request, record, Limits, Clock, _stop.Token));
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The next start asks.
        }
        catch (Exception e)
        {
            AcmeLog.NoWindow(_logger, request.Id, e.Message); // two thirds of its life are the answer then
            TrySave(record with { NextWindowCheck = Clock.GetUtcNow() + TimeSpan.FromHours(6) * (1 + Random.Shared.NextDouble() / 5) });
        }
    }

    // A certificate that nothing wants is there for a roll-back for a while, and goes when it is of no use to anybody.
    private void Forget(IReadOnlyList<(AcmeRequest Request, IReadOnlyList<string>)> wanted, DateTimeOffset now)
    {
        var ids = wanted.Select(w => w.Request.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var record in _store.Records.Where(r => !ids.Contains(r.Id) && r.LastWanted + KeptUnused < now && r.NotAfter < now))
            _store.Remove(record);
    }

    // For builds. Until a certificate has come for other names, the one that has most of them is better than none.
    private (byte[], byte[])? Find(AcmeRequest request) => Best(request) is { Chain: { } chain, Key: { } key }
        ? (System.Text.Encoding.ASCII.GetBytes(chain), System.Text.Encoding.ASCII.GetBytes(key)) : null;

    private AcmeRecord? Best(AcmeRequest request)
    {
        if (_store.Find(request.Id) is { HasCertificate: true } own)
            return own;
        var now = Clock.GetUtcNow();
        return _store.Records.Where(r => r.HasCertificate && r.Rsa == request.Rsa && r.NotAfter > now
            && r.Domains.Intersect(request.Domains).Any())
            .OrderByDescending(r => r.Domains.Intersect(request.Domains).Count()).ThenByDescending(r => r.NotAfter).FirstOrDefault();
    }

    private string Served(AcmeRequest request) => Best(request) is not { } best ? Placeholder : best.Id == request.Id ? Own : Former;

    private AcmeView View(AcmeRequest request, IReadOnlyList<string> usedBy)
    {
        var record = RecordOf(request);
        bool runs;
        lock (_lock)
            runs = _running.ContainsKey(request.Id);
        var facts = record.HasCertificate ? CertificateWork.FactsOf(record.Chain!) : null;
        var due = record.HasCertificate && !record.RenewalAsked && record.Failures == 0 ? RenewalOf(request, record) : record.NextAttempt;
        return new(request.Id, request.Domains, request.Directory.AbsoluteUri, request.Email, request.Rsa ? "RSA_2048" : "ECDSA_P256",
            usedBy, runs ? "ordering" : record.Failures > 0 ? "failing" : record.HasCertificate ? "issued" : "waiting", Served(request),
            facts is null ? null : new(facts.NotBefore, facts.NotAfter, facts.Serial, facts.Sha256),
            record.HasCertificate ? RenewalOf(request, record) : null,
            record is { WindowStart: { } start, WindowEnd: { } end } ? new(start, end) : null,
            runs || due == default ? null : due, record.Failures, record.LastFailure);
    }

    private IEnumerable<(string, double)> Stats()
    {
        if (_orders == 0 && _proxy.AcmeRequests().Count == 0)
            yield break;
        yield return ("acme.orders", Interlocked.Read(ref _orders));
        yield return ("acme.issued", Interlocked.Read(ref _issued));
        yield return ("acme.failures", Interlocked.Read(ref _failures));
        var wanted = _proxy.AcmeRequests();
        yield return ("acme.certificates", wanted.Count);
        yield return ("acme.placeholders", wanted.Count(w => Served(w.Request) == Placeholder));
    }
}
