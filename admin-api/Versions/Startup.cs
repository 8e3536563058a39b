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
        folder.MarkUsed();
        if (active.Degraded is not { StoreUsable: false })
            confirmations.Resume();
        keeper.Watch();
        missing.Watch();
        expiry.Watch();
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
    private async Task ApplyAsync(ConfigObject document, string what)
    {
        var proposal = new Proposal("managed", ChangeSource.File, _ => new(document, document.Source, what)) { Comment = what,
            IsOperators = true };
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
                missing.Lack(active.Required, [.. errors.Select(x => x.Detail)]);
            }
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
