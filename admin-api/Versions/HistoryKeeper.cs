using System.Globalization;
using Managed.AdminApi.Hosting;
using Managed.AdminApi.Modules;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Secrets;
using Managed.Proxy;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace Managed.AdminApi.Versions;

/// <summary>
/// Finds the newest acknowledged version in a folder that had one before, serves it, and mends the history around it.
/// <list type="bullet">
/// <item>Sound history: its active version, or the last good copy when that is newer (the history lost its end) or the only one that
/// can be built; else the newest former version that can.</item>
/// <item>Damaged history: the newer of the copy and of what can still be read. The file is set aside and a new history begins with
/// that version under its number.</item>
/// <item>History that cannot be opened now: likewise the newer of the two, and the history stays as it is. It is tried again every
/// second; when it comes back, a newer version in it is served and changes are taken again.</item>
/// </list>
/// Whatever is not the active version of a sound history is said by the log, <c>/ready</c>, <c>/server_info</c> and
/// <c>/api/v1/status</c> until the next change.
/// </summary>
internal sealed class HistoryKeeper(ProxyServer proxy, HistoryFile file, VersionStore store, StoredModules modules, LastGoodFile lastGood,
    Publisher publisher, SecretVault vault,
    ConfirmationClock confirmations, MissingCode missing, ActiveConfiguration active, ILogger<HistoryKeeper> logger) : IDisposable
{
    private const int FormerVersionsTried = 20;
    private static readonly TimeSpan RetryEvery = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _failed = new(0);
    private string? _said;

    /// <summary>Serves what there is and says what is wrong.</summary>
    /// <exception cref="StartException">The workers do not take it: a port is in use.</exception>
    /// <param name="finding">What opening the history gave.</param>
    /// <param name="known">A version that was read from it before.</param>
    public async Task ServeAsync(HistoryFinding finding, ActiveVersion? known = null)
    {
        var copy = lastGood.TryRead();
        var (head, stored, fault) = Read(finding, known);
        ActiveVersion? served = null;
        // Of two with one number the history's own: it is the original.
        foreach (var candidate in new[] { stored, copy }.OfType<ActiveVersion>().OrderByDescending(v => v.Number))
            if (served is null && await TryServeAsync(candidate) is var refusal)
            {
                served = refusal is null ? candidate : null;
                fault ??= refusal;
            }
        if (served is null && finding.Health == HistoryHealth.Sound)
            served = await TryFormerAsync(head?.Active ?? long.MaxValue);
        if (served is null && active.Current is { Number: > 0 } current)
            served = current;
        if (served is null && active.Current is null)
            await ServeNothingAsync();

        var lost = served is not null && finding.Health == HistoryHealth.Sound && served.Number > (head?.Active ?? 0);
        if (lost)
            fault = head?.Active is { } end
                ? string.Create(CultureInfo.InvariantCulture,
                    $"the history ends with version {end}, but version {served!.Number} was acknowledged")
                : "the history has no version";
        var mended = Mend(finding, head, served, lost, out var trouble);
        publisher.StartFrom(Math.Max(head?.LastNumber ?? 0, served?.Number ?? 0));
        var reason = string.Join("; ", new[] { fault, trouble }.OfType<string>());
        if (reason.Length == 0)
        {
            if (copy?.Number != served!.Number)
                lastGood.Write(served); // the crash was between the outcome and the copy, or the disk was full
            PublisherLog.Loaded(logger, served.Number);
            return;
        }
        var what = served is null ? Degradation.Nothing : served == copy ? Degradation.LastGood : Degradation.History;
        active.Degraded = new(reason, what, served?.Number, DateTimeOffset.UtcNow, mended);
        if (served is not null && served != copy && copy?.Number != served.Number)
            lastGood.Write(served);
        if (reason == _said)
            return; // tried again, and as before
        _said = reason;
        PublisherLog.Degraded(logger, reason, served is null ? "nothing: there is no version that can be read and built"
            : string.Create(CultureInfo.InvariantCulture,
                $"version {served.Number} from {(served == copy ? lastGood.Path : "the history")}"));
    }

    /// <summary>From now on: what the disk refused is tried again every second. While it refuses nothing, nobody wakes up.</summary>
    public void Watch()
    {
        lastGood.Failed += () => _failed.Release();
        _ = WatchAsync();
    }

    public void Dispose() => _stop.Cancel();

    private (VersionStore.Head? Head, ActiveVersion? Stored, string? Fault) Read(HistoryFinding finding, ActiveVersion? known)
    {
        if (finding.Health != HistoryHealth.Sound)
        {
            var (salvaged, version) = file.Salvage();
            return (salvaged, version, finding.Reason);
        }
        if (finding.Head!.Active is not { } number)
            return (finding.Head, null, "the history has no version");
        if (known?.Number == number)
            return (finding.Head, known, null);
        try
        {
            var (row, document) = store.Load(number);
            return (finding.Head, new(number, document, row.CreatedAt, row.Author), null);
        }
        catch (Exception e) when (e is InvalidDataException or SqliteException or InvalidOperationException or ApiException)
        {
            return (finding.Head, null, string.Create(CultureInfo.InvariantCulture, $"version {number} cannot be read: {e.Message}"));
        }
    }

    /// <summary>Null when it is live; what is served already and not older stays.</summary>
    public async Task<string?> TryServeAsync(ActiveVersion version)
    {
        if (active.Current is { Number: > 0 } current && current.Number >= version.Number)
            return current.Number == version.Number ? null : "a newer version is served";
        var built = proxy.Build(version.Document, version.Number, HostOf(version.Document, makesDo: false));
        IReadOnlyList<string> lacking = [];
        if (built.Errors.Count > 0 && built.Errors.All(e => e.MayPass))
        {
            lacking = [.. built.Errors.Select(e => e.Detail)];
            built = proxy.Build(version.Document, version.Number, HostOf(version.Document, makesDo: true));
        }
        if (built.Snapshot is null || built.Errors.Count > 0)
        {
            built.Snapshot?.Dispose();
            return string.Create(CultureInfo.InvariantCulture,
                $"version {version.Number} cannot be built: {built.Errors.FirstOrDefault()?.Detail}");
        }
        await PublishAsync(built.Snapshot);
        active.Set(version);
        if (lacking.Count > 0)
            missing.Lack(version, lacking);
        return null;
    }

    private async Task<ActiveVersion?> TryFormerAsync(long below)
    {
        foreach (var row in store.ServedBefore(below, FormerVersionsTried))
            try
            {
                var version = new ActiveVersion(row.Number, store.Load(row.Number).Document, row.CreatedAt, row.Author);
                if (await TryServeAsync(version) is null)
                    return version;
            }
            catch (Exception e) when (e is InvalidDataException or SqliteException or InvalidOperationException or ApiException)
            {
                // damaged as well: the next older one
            }
        return null;
    }

    private async Task ServeNothingAsync()
    {
        if (proxy.Build(new ConfigObject(), 0).Snapshot is { } empty)
            await PublishAsync(empty);
        active.Set(new(0, new ConfigObject(), DateTimeOffset.UtcNow, "managed"));
    }

    // What was a version once takes what it took. Files of one that was made before files were kept are read.
    private HostAccess HostOf(ConfigObject document, bool makesDo) =>
        new() { Pinned = FileReference.AreKept(document) ? modules.File : null, MakesDo = makesDo,
            Secrets = vault.Find };

    private async Task PublishAsync(Snapshot snapshot)
    {
        var result = await proxy.PublishAsync(snapshot, CancellationToken.None);
        if (!result.Applied)
            throw new StartException(result.TimedOut ? "the workers did not take the configuration in time"
                : string.Join("; ", result.Errors.Select(e => e.Detail)));
    }

    /// <summary>Brings the history in line with what is served; whether it takes changes from now on.</summary>
    private bool Mend(HistoryFinding finding, VersionStore.Head? head, ActiveVersion? served, bool lost, out string? trouble)
    {
        trouble = null;
        if (finding.Health == HistoryHealth.Unavailable)
            return false;
        try
        {
            if (finding.Health == HistoryHealth.Damaged)
            {
                if (file.SetAside() is { } aside)
                {
                    trouble = $"it was set aside as {Path.GetFileName(aside)} and a new history begun";
                    PublisherLog.SetAside(logger, aside, served?.Number ?? 0);
                }
                else
                    trouble = "a new history was begun";
            }
            if (finding.Health == HistoryHealth.Damaged || lost)
            {
                var version = served ?? new(0, new ConfigObject(), DateTimeOffset.UtcNow, "managed");
                List<string> needed = [.. ModuleReferences.In(version.Document),
                    .. FileReference.In(version.Document).Where(r => r.Sha256 is not null).Select(r => "sha256:" + r.Sha256)];
                var secrets = SecretMarks.In(version.Document).ToList();
                modules.Restore(needed);
                modules.RestoreSecrets(secrets);
                store.Adopt(version, head?.LastNumber ?? 0, "taken in at start: the history had lost it",
                    needed.Concat(secrets.Select(s => StoredModules.SecretPrefix + s)));
            }
            foreach (var interrupted in store.SettleInterrupted())
                PublisherLog.Interrupted(logger, interrupted);
            return true;
        }
        catch (Exception e) when (e is SqliteException or DbUpdateException or IOException or UnauthorizedAccessException)
        {
            trouble = $"the history cannot be written: {e.GetBaseException().Message}";
            return false;
        }
    }

    private async Task WatchAsync()
    {
        try
        {
            while (true)
            {
                if (!lastGood.Owed && active.Degraded is not { StoreUsable: false })
                    await _failed.WaitAsync(_stop.Token);
                await Task.Delay(RetryEvery, _stop.Token);
                await RetryAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // the process ends
        }
    }

    private async Task RetryAsync()
    {
        try
        {
            if (lastGood.Owed)
                await publisher.ExclusiveAsync(() =>
                {
                    lastGood.WriteOwed();
                    return true;
                }, _stop.Token);
            if (active.Degraded is not { StoreUsable: false } before)
                return;
            var finding = file.Open(); // may wait for a lock: not while writers wait
            if (finding.Health == HistoryHealth.Unavailable)
                return;
            await publisher.ExclusiveAsync(() =>
            {
                TakeUpAgain(finding, before);
                return true;
            }, _stop.Token);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            if (e.Message != _said)
                PublisherLog.RetryFailed(logger, e.Message);
            _said = e.Message;
        }
    }

    private void TakeUpAgain(HistoryFinding finding, Degradation before)
    {
        active.Degraded = null;
        try
        {
            ServeAsync(finding).GetAwaiter().GetResult(); // on a thread of the pool, at most once a second, with the writers' lock
        }
        catch
        {
            active.Degraded = before;
            throw;
        }
        if (active.Degraded is { StoreUsable: false })
            return;
        PublisherLog.Recovered(logger, active.Required.Number);
        confirmations.Resume();
    }
}
