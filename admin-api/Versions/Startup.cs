using Managed.AdminApi.Hosting;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Secrets;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Versions;

/// <summary>
/// Gets a version served at start. A folder that never had one gets the file of <c>--config</c> or the starter configuration; any other
/// is the <see cref="HistoryKeeper"/>'s, and the file becomes a version of its own when it differs.
/// </summary>
internal sealed class Startup(HistoryFile history, VersionStore store, Publisher publisher, HistoryKeeper keeper,
    ConfirmationClock confirmations, ActiveConfiguration active,
    SecretSweep sweep, CertificateExpiry expiry, LastGoodFile lastGood, MissingCode missing, DataFolder folder, RunOptions options)
{
    /// <exception cref="StartException">The given configuration is not valid, a port is in use, or a new history cannot be
    /// begun.</exception>
    public async Task ServeAsync()
    {
        if (!folder.IsNew)
            sweep.Run();
        // What the head names is served before anything else is looked at: checking a long history takes longer than the rest of a start.
        var glanced = folder.IsNew ? null : store.Glance();
        if (glanced is not null && lastGood.Number() <= glanced.Number)
            await keeper.TryServeAsync(glanced);
        var finding = history.Open();
        if (folder.IsNew && finding.Head?.Active is null && lastGood.TryRead() is null)
            await ServeFirstAsync(finding);
        else
            await ServeFormerAsync(finding, glanced);
        Watch();
    }

    private void Watch()
    {
        folder.MarkUsed();
        if (active.Degraded is not { StoreUsable: false })
            confirmations.Resume();
        keeper.Watch();
        missing.Watch();
        expiry.Watch();
    }

    /// <summary>
    /// Serves what another process serves, and tries the file of <c>--config</c> without making a version of it. Only reads.
    /// <see cref="ServeAsync"/> follows when the folder is this process's.
    /// </summary>
    /// <exception cref="StartException">That cannot be served here, or the file is not valid.</exception>
    public async Task PrepareAsync(long number)
    {
        if (!history.IsCurrent())
            throw new StartException(
                "this version of the program changes the history's tables: stop the other process, then start this one");
        if (store.Glance() is not { } glanced || glanced.Number != number)
            throw new StartException(string.Create(System.Globalization.CultureInfo.InvariantCulture,
                $"version {number}, which the other process serves, is not the active one of its history"));
        if (await keeper.TryServeAsync(glanced) is { } refusal)
            throw new StartException(refusal);
        if (options.ConfigFile is { } file)
            await ApplyAsync(ConfigFile.Read(file), file, dryRun: true);
    }

    /// <summary>For a process that serves already: the file of <c>--config</c> does not end it. Null, or why it is not in force.</summary>
    public async Task<string?> ServeOnAsync()
    {
        try
        {
            await ServeAsync();
            return null;
        }
        catch (StartException e) when (active.Current is { Number: > 0 })
        {
            Watch();
            return e.Message;
        }
    }

    private async Task ServeFirstAsync(HistoryFinding finding)
    {
        if (finding.Health != HistoryHealth.Sound)
            throw new StartException($"cannot begin a history in {folder.Path}: {finding.Reason}");
        store.ForgetFailedStart();
        publisher.StartFrom(0);
        await ApplyAsync(options.ConfigFile is { } file ? ConfigFile.Read(file) : StarterConfiguration.Read(),
            options.ConfigFile ?? "starter configuration");
    }

    private async Task ServeFormerAsync(HistoryFinding finding, ActiveVersion? glanced)
    {
        await keeper.ServeAsync(finding, glanced);
        if (options.ConfigFile is not { } file)
            return;
        var degraded = active.Degraded;
        if (degraded is { StoreUsable: false })
            return; // nothing can be recorded
        await ApplyAsync(ConfigFile.Read(file), file);
        // What happened to the history stays worth saying, whatever is served now.
        active.Degraded = degraded is null ? null : degraded with { Serving = file, Version = active.Required.Number };
    }

    /// <summary>Makes a version of a file, unless the active one has that content.</summary>
    private async Task ApplyAsync(ConfigObject document, string what, bool dryRun = false)
    {
        var proposal = new Proposal("managed", ChangeSource.File, _ => new(document, document.Source, what)) { Comment = what,
            IsOperators = true, DryRun = dryRun };
        try
        {
            Submission done;
            try
            {
                done = await publisher.SubmitAsync(proposal, CancellationToken.None);
            }
            catch (ApiException e) when (e.Errors is { Count: > 0 } errors && errors.All(x => x.MayPass))
            {
                done = await publisher.SubmitAsync(proposal with { MakesDo = true }, CancellationToken.None);
                if (!dryRun)
                    missing.Lack(active.Required, [.. errors.Select(x => x.Detail)]);
            }
            if (dryRun)
                return; // they come with the version
            foreach (var warning in done.Warnings)
                Console.Error.WriteLine("warning: " + Line(what, warning));
        }
        catch (ApiException e) when (e.Errors is { Count: > 0 } errors)
        {
            throw new StartException(string.Join('\n', errors.Select(x => Line(what, x))));
        }
        catch (ApiException e)
        {
            throw new StartException($"{what}: {e.Message}");
        }
    }

    private static string Line(string file, ErrorItem item) =>
        item.Line is null ? $"{file}: {item.Detail}"
        : $"{file}:{item.Line}:{item.Column} {item.Pointer} {item.Detail}{(item.Hint is null ? "" : $" ({item.Hint})")}";
}
