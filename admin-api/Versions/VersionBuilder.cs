using Managed.AdminApi.Hosting;
using Managed.AdminApi.Modules;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Secrets;
using Managed.Proxy;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;
using Managed.Proxy.Configuration.ShortForms;

namespace Managed.AdminApi.Versions;

/// <summary>
/// Builds documents with what they name: modules and files pinned, code fetched. All of it outside of the publisher's turn, so that what
/// one document waits for holds up nobody else.
/// </summary>
internal sealed class VersionBuilder(ProxyServer proxy, StoredModules modules, HostPolicy policy, SecretVault vault)
{
    private const int MostWaiting = 8;

    private readonly SemaphoreSlim _builds = new(Math.Max(2, Environment.ProcessorCount));
    private int _waiting;

    /// <summary>What stays of one proposal from build to build.</summary>
    public sealed record Work(HostAccess Host, FileSources Files, SdsFiles Sds, SecretBag Secrets, bool Trusted);

    /// <param name="trusted">The operator's own document, or one that is a version already.</param>
    /// <param name="makesDo">See <see cref="Proposal.MakesDo"/>.</param>
    public Work Begin(bool trusted, bool makesDo = false)
    {
        var secrets = new SecretBag();
        var files = new FileSources(modules, policy, vault, secrets);
        return new(new HostAccess
        {
            Pinned = files.Content, Folders = trusted ? null : policy.Folders, Variables = trusted ? null : policy.Variables,
            DefersWaiting = true, MakesDo = makesDo,
            Secrets = (field, digest) => secrets.Find(field, digest) ?? vault.Find(field, digest),
        }, files, new SdsFiles(policy), secrets, trusted);
    }

    /// <summary>
    /// The document with digests in place of what it names and marks in place of secrets, null when that must not be waited for.
    /// </summary>
    /// <param name="known">Documents of versions, whose files need not be read.</param>
    public async Task<ConfigObject?> PinAsync(Work work, ConfigObject document, IReadOnlyList<ConfigObject?> known, bool isOperators,
        bool waits, CancellationToken cancellation)
    {
        if (await work.Sds.PinAsync(document, known, work.Host, isOperators, waits, cancellation) is not { } read)
            return null;
        document = vault.Seal(ShortForm.NameFiles(read), work.Secrets);
        if (isOperators)
            policy.Trust(document);
        return await work.Files.PinAsync(ModuleReferences.Pin(document, modules), known, work.Host, isOperators, waits, cancellation);
    }

    /// <summary>Null when it would have to wait and must not.</summary>
    /// <param name="pinned">See <see cref="PinAsync"/>.</param>
    /// <param name="waits">Whether code may be fetched.</param>
    /// <param name="ahead">It waits for no other build.</param>
    public async Task<BuildResult?> BuildAsync(Work work, ConfigObject pinned, long number, bool waits, bool ahead,
        CancellationToken cancellation)
    {
        while (true)
        {
            work.Host.Kept = proxy.Current?.HostUses ?? work.Host.Kept;
            var built = await BuildOnceAsync(work.Host, pinned, number, ahead, cancellation);
            if (!waits && work.Host.AbandonPending())
            {
                built.Snapshot?.Dispose();
                return null;
            }
            if (work.Host.TakePending(cancellation) is not { } pending)
                return built;
            built.Snapshot?.Dispose();
            if (Interlocked.Increment(ref _waiting) > MostWaiting && !ahead)
            {
                Interlocked.Decrement(ref _waiting);
                throw new ApiException(ProblemCode.RateLimited,
                    $"{MostWaiting} calls wait for code already") { Headers = new Dictionary<string, string> { ["Retry-After"] = "10" } };
            }
            try
            {
                await pending;
            }
            finally
            {
                Interlocked.Decrement(ref _waiting);
            }
        }
    }

    private async Task<BuildResult> BuildOnceAsync(HostAccess host, ConfigObject document, long number, bool ahead,
        CancellationToken cancellation)
    {
        ControlThread.StandBack();
        if (ahead)
            return proxy.Build(document, number, host);
        await _builds.WaitAsync(cancellation);
        try
        {
            return proxy.Build(document, number, host);
        }
        finally
        {
            _builds.Release();
        }
    }
}
