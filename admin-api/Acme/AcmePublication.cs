using Managed.AdminApi.Modules;
using Managed.AdminApi.Secrets;
using Managed.AdminApi.Versions;
using Managed.Proxy;
using Managed.Proxy.Configuration.Host;

namespace Managed.AdminApi.Acme;

/// <summary>
/// Puts certificates that have come into service: the version in force is built once more, which finds them, and takes its own place, as
/// any version takes that of another. Connections stay, new handshakes have the new certificate. It is no new version: nothing was changed
/// that anybody could take back.
/// </summary>
internal sealed class AcmePublication(ProxyServer proxy, StoredModules modules, SecretVault vault, Publisher publisher,
    ActiveConfiguration active, ILogger<AcmePublication> logger)
{
    private const string Overtaken = "another version came in between";
    private const int MostOvertaken = 20;

    private readonly Lock _lock = new();
    private bool _wanted;
    private Task? _work;

    /// <summary>The folder and the workers are this process's to change.</summary>
    public bool MayWrite => !publisher.IsLent && active.Current is not null;

    /// <summary>Soon, and again until it has worked.</summary>
    public void Begin()
    {
        lock (_lock)
            _wanted = true;
        Retry();
    }

    /// <summary>If something is still to be put into service.</summary>
    public void Retry()
    {
        lock (_lock)
            if (_wanted && _work is not { IsCompleted: false })
                _work = Task.Run(RunAsync);
    }

    private async Task RunAsync()
    {
        for (var overtaken = 0; ;)
        {
            lock (_lock)
            {
                if (!_wanted)
                    return;
                _wanted = false;
            }
            string? wrong;
            try
            {
                Hosting.ControlThread.StandBack();
                wrong = await TryAsync();
            }
            catch (Exception e)
            {
                wrong = e.Message;
            }
            if (wrong is null)
                continue;
            lock (_lock)
                _wanted = true;
            if (wrong == Overtaken && ++overtaken < MostOvertaken)
                continue;
            AcmeLog.NotInService(logger, wrong);
            return; // until the next look
        }
    }

    // Null: the version in force has them, whichever it is by then.
    private async Task<string?> TryAsync()
    {
        if (active.Current is not { } version)
            return "there is no version yet";
        var built = Build(version, makesDo: false);
        if (built.Snapshot is null && built.Errors.All(e => e.MayPass))
            built = Build(version, makesDo: true); // it is served without some code, and goes on so
        if (built.Snapshot is not { } next)
            return string.Join("; ", built.Errors.Select(e => e.Detail).Take(3));
        try
        {
            await proxy.ResolveNamesAsync(next, CancellationToken.None, waits: false);
        }
        catch
        {
            next.Dispose();
            throw;
        }
        var taken = false;
        try
        {
            return await publisher.ExclusiveAsync(() =>
            {
                if (!ReferenceEquals(active.Current, version))
                    return Overtaken;
                taken = true;
                var result = proxy.PublishAsync(next, CancellationToken.None).GetAwaiter().GetResult();
                return result.Applied ? null : result.TimedOut ? "the workers did not take it in time"
                    : string.Join("; ", result.Errors.Select(e => e.Detail));
            }, CancellationToken.None);
        }
        finally
        {
            if (!taken)
                next.Dispose();
        }
    }

    private BuildResult Build(ActiveVersion version, bool makesDo) => proxy.Build(version.Document, version.Number, new HostAccess
    {
        Pinned = FileReference.AreKept(version.Document) ? modules.File : null, Secrets = vault.Find,
        MakesDo = makesDo,
    });
}
