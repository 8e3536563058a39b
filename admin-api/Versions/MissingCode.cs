using Managed.AdminApi.Modules;
using Managed.AdminApi.Secrets;
using Managed.Proxy;
using Managed.Proxy.Configuration.Host;

namespace Managed.AdminApi.Versions;

/// <summary>
/// A node that starts while code behind a URL is neither kept nor reachable serves the version without it: the filters of that code refuse
/// or pass on what they would when their machine has failed, everything else works. The code is asked for again, after a second at first
/// and a minute at most, until it comes or another version is live; meanwhile the log, <c>/ready</c> and the status say what is missing.
/// </summary>
internal sealed class MissingCode(ProxyServer proxy, StoredModules modules, SecretVault vault, Publisher publisher,
    ActiveConfiguration active, TimeProvider time, ILogger<MissingCode> logger) : IDisposable
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1), Longest = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _stop = new();
    private ActiveVersion? _lacking;
    private IReadOnlyList<string> _reasons = [];

    /// <summary>The version is live, and lacks something. Before <see cref="Watch"/>.</summary>
    public void Lack(ActiveVersion version, IReadOnlyList<string> reasons) => (_lacking, _reasons) = (version, reasons);

    /// <summary>Once the start is over: says what is missing, and tries again from now on.</summary>
    public void Watch()
    {
        if (_lacking is { } version && ReferenceEquals(active.Current, version))
            _ = RetryAsync(version);
    }

    public void Dispose() => _stop.Cancel();

    private async Task RetryAsync(ActiveVersion version)
    {
        var before = active.Degraded; // of the history
        var since = time.GetUtcNow();
        try
        {
            for (var pause = First; ; pause = pause * 2 < Longest ? pause * 2 : Longest)
            {
                var reason = string.Join("; ", _reasons);
                active.Degraded = before is null ? new(reason, Degradation.Incomplete, version.Number, since, StoreUsable: true)
                    : before with { Reason = $"{before.Reason}; {reason}" };
                PublisherLog.CodeMissing(logger, version.Number, pause.TotalSeconds, reason);
                await Task.Delay(pause, time, _stop.Token);
                if (!ReferenceEquals(active.Current, version))
                    return; // another version, which says for itself what it lacks
                if (await TryContainedAsync(version, before))
                    return;
            }
        }
        catch (OperationCanceledException)
        {
            // The process ends.
        }
    }

    // However an attempt goes wrong, there is another.
    private async Task<bool> TryContainedAsync(ActiveVersion version, Degradation? before)
    {
        try
        {
            return await Task.Run(() => TryAsync(version, before), _stop.Token);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _reasons = [e.Message];
            return false;
        }
    }

    private async Task<bool> TryAsync(ActiveVersion version, Degradation? before)
    {
        // Waits for the code, and for nobody's turn.
        var host = new HostAccess { Pinned = FileReference.AreKept(version.Document) ? modules.File : null,
            Secrets = vault.Find };
        var built = proxy.Build(version.Document, version.Number, host);
        if (built.Snapshot is not { } whole)
        {
            _reasons = [.. built.Errors.Select(e => e.Detail)];
            return false;
        }
        return await publisher.ExclusiveAsync(() =>
        {
            if (!ReferenceEquals(active.Current, version))
            {
                whole.Dispose();
                return true;
            }
            var result = proxy.PublishAsync(whole, CancellationToken.None).GetAwaiter().GetResult();
            if (!result.Applied)
            {
                _reasons = [result.TimedOut ? "the workers did not take the version in time"
                    : string.Join("; ", result.Errors.Select(e => e.Detail))];
                return false;
            }
            active.Degraded = before;
            PublisherLog.CodeCame(logger, version.Number);
            return true;
        }, _stop.Token);
    }
}
