using Managed.AdminApi.Hosting;
using Managed.AdminApi.Modules;
using Managed.AdminApi.Problems;
using Managed.Migrations;
using Managed.Proxy;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace Managed.AdminApi.Versions;

/// <summary>
/// Gets a version served at start: the last active one from the history; when that cannot be read or built, the last good copy; when
/// that fails too, nothing, with the admin port open so that somebody can mend it. Whatever is not the first of these is said
/// loudly: in the log, by <c>/ready</c>, by the API.
/// </summary>
internal sealed class Startup(ProxyServer proxy, VersionStore store, Publisher publisher, ConfirmationClock confirmations, ActiveConfiguration active, LastGoodFile lastGood, StoredModules modules,
    IDbContextFactory<HistoryContext> contexts, RunOptions options, ILogger<Startup> logger)
{
    /// <exception cref="StartException">The given configuration is not valid, or a port is in use.</exception>
    public async Task ServeAsync()
    {
        if (!TryOpenStore(out var head, out var broken))
        {
            await ServeLastGoodAsync($"the history cannot be used: {broken}", storeUsable: false);
            return;
        }
        if (head!.Active is null)
            store.ForgetFailedStart();
        publisher.StartFrom(head.Active is null ? 0 : head.LastNumber);
        foreach (var interrupted in store.SettleInterrupted())
            PublisherLog.Interrupted(logger, interrupted);
        if (head.Active is { } number)
        {
            await ServeActiveAsync(number);
            if (options.ConfigFile is not null)
                await ApplyAsync(ConfigFile.Read(options.ConfigFile), options.ConfigFile);
        }
        else
            await ApplyAsync(options.ConfigFile is { } file ? ConfigFile.Read(file) : StarterConfiguration.Read(), options.ConfigFile ?? "starter configuration");
        confirmations.Resume();
    }

    private bool TryOpenStore(out VersionStore.Head? head, out string? broken)
    {
        (head, broken) = (null, null);
        try
        {
            using (var db = contexts.CreateDbContext())
                HistoryDatabase.Migrate(db);
            head = store.ReadHead();
            return true;
        }
        catch (Exception e) when (e is SqliteException or DbUpdateException or InvalidOperationException)
        {
            broken = e.GetBaseException().Message;
            return false;
        }
    }

    private async Task ServeActiveAsync(long number)
    {
        ActiveVersion version;
        try
        {
            var (row, document) = store.Load(number);
            version = new(number, document, row.CreatedAt, row.Author);
        }
        catch (Exception e) when (e is InvalidDataException or SqliteException or ApiException)
        {
            await ServeLastGoodAsync($"version {number} cannot be read: {e.Message}", storeUsable: true);
            return;
        }
        var built = proxy.Build(version.Document, number, HostOf(version.Document));
        if (built.Snapshot is null || built.Errors.Count > 0)
        {
            await ServeLastGoodAsync($"version {number} cannot be built: {built.Errors.FirstOrDefault()?.Detail}", storeUsable: true);
            return;
        }
        await PublishAsync(built.Snapshot);
        active.Set(version);
        if (lastGood.TryRead()?.Number != number)
            lastGood.Write(version); // the crash was between the outcome and the copy
        PublisherLog.Loaded(logger, number);
    }

    private async Task ServeLastGoodAsync(string reason, bool storeUsable)
    {
        var copy = lastGood.TryRead();
        var built = copy is null ? null : proxy.Build(copy.Document, copy.Number, HostOf(copy.Document));
        var usable = built?.Snapshot is not null && built.Errors.Count == 0;
        if (usable)
        {
            await PublishAsync(built!.Snapshot!);
            active.Set(copy!);
        }
        else
        {
            var empty = proxy.Build(new ConfigObject(), 0).Snapshot;
            if (empty is not null)
                await PublishAsync(empty);
            active.Set(new(0, new ConfigObject(), DateTimeOffset.UtcNow, "managed"));
        }
        active.Degraded = new(reason, usable ? Degradation.LastGood : Degradation.Nothing, usable ? copy!.Number : null, DateTimeOffset.UtcNow, storeUsable);
        PublisherLog.Degraded(logger, reason, usable ? $"version {copy!.Number} from {lastGood.Path}" : "nothing: there is no last good copy that can be built");
    }

    // What was a version once takes what it took. Files of one that was made before files were kept are read.
    private HostAccess? HostOf(ConfigObject document) => FileReference.In(document).Any(r => r.Sha256 is null) ? null : new HostAccess { Pinned = modules.File };

    private async Task PublishAsync(Snapshot snapshot)
    {
        var result = await proxy.PublishAsync(snapshot, CancellationToken.None);
        if (!result.Applied)
            throw new StartException(result.TimedOut ? "the workers did not take the configuration in time" : string.Join("; ", result.Errors.Select(e => e.Detail)));
    }

    /// <summary>Makes a version of a file, unless the active one has that content.</summary>
    private async Task ApplyAsync(ConfigObject document, string what)
    {
        try
        {
            await publisher.SubmitAsync(new("managed", ChangeSource.File, _ => new(document, document.Source, what)) { Comment = what, IsOperators = true }, CancellationToken.None);
        }
        catch (ApiException e) when (e.Errors is { Count: > 0 } errors)
        {
            throw new StartException(string.Join('\n', errors.Select(x => x.Line is null ? $"{what}: {x.Detail}" : $"{what}:{x.Line}:{x.Column} {x.Pointer} {x.Detail}{(x.Hint is null ? "" : $" ({x.Hint})")}")));
        }
        catch (ApiException e)
        {
            throw new StartException($"{what}: {e.Message}");
        }
    }
}
