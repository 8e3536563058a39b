using System.Security.Cryptography;
using Managed.AdminApi.Modules;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Secrets;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;
using Managed.Proxy.Http.Filters.Native.Plugins;

namespace Managed.AdminApi.Versions;

/// <summary>
/// The files that one proposal names: each is read once, on a thread of its own, and its digest written beside its name. What the versions
/// before it have is not read again, whatever lies at the path by now.
/// </summary>
internal sealed class FileSources(StoredModules stored, HostPolicy policy, SecretVault vault, SecretBag secrets)
{
    private const long MostBytes = 256L << 20; // of one proposal
    private const int MostReaders = 8;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);
    private static int s_readers;

    private readonly Dictionary<(string Holder, string Filename), string> _digests = [];
    private readonly Dictionary<(string Holder, string Filename), string> _sums = []; // of secrets: what their bytes come to
    private readonly Dictionary<string, byte[]> _fresh = new(StringComparer.Ordinal);

    /// <summary>The bytes that no version has yet, by their digest.</summary>
    public IReadOnlyDictionary<string, byte[]> Fresh => _fresh;

    public byte[]? Content(string sha256) => _fresh.GetValueOrDefault(sha256) ?? stored.File(sha256);

    /// <summary>
    /// The document with a digest for each file; without one where it cannot be had, and the reason in <paramref name="host"/>. Null when a
    /// file would have to be read and must not be now.
    /// </summary>
    /// <param name="known">Documents of versions; what they pin may be pinned here.</param>
    /// <param name="trusted">The operator's own document.</param>
    /// <param name="reads">Whether files may be read.</param>
    public async Task<ConfigObject?> PinAsync(ConfigObject document, IReadOnlyList<ConfigObject?> known, HostAccess host, bool trusted,
        bool reads, CancellationToken cancellation)
    {
        if (FileReference.In(document).Count == 0)
            return document;
        var references = known.SelectMany(FileReference.In).ToList();
        var before = references.ToLookup(r => r.Key);
        var digests = references.Select(r => r.Sha256).OfType<string>().ToHashSet(StringComparer.Ordinal);
        var pinned = document.Clone();
        var open = FileReference.In(pinned).Where(r => r.Sha256 is null || !before.Contains(r.Key)).ToList();
        var unread = open.Where(r => !_digests.ContainsKey((r.Holder, r.Filename)) && !host.Unreadable.ContainsKey(r.Filename)).ToList();
        if (unread.Count > 0 && !reads)
            return null;
        if (unread.Count > 0)
            await ReadAsync(unread, r => trusted || policy.IsOperators(r)
                || before.Contains((r.Holder, r.Filename, null)) ? null : policy.Folders, host, cancellation);
        foreach (var reference in open)
        {
            var digest = _digests.GetValueOrDefault((reference.Holder, reference.Filename));
            // A digest of a version that stands beside another name now came there by a patch of the name.
            if (digest is not null && reference.Sha256 is { } asked && !digests.Contains(asked)
                && !asked.Equals(_sums.GetValueOrDefault((reference.Holder, reference.Filename), digest),
                    StringComparison.OrdinalIgnoreCase))
                (host.Unreadable[reference.Filename], digest) =
                    ((ConfigCode.InvalidValue, $"has other bytes than sha256 says; leave sha256 out to take it as it is"), null);
            reference.SetDigest(digest);
        }
        return pinned;
    }

    private async Task ReadAsync(List<FileReference> references, Func<FileReference, AllowedFolders?> folders, HostAccess host,
        CancellationToken cancellation)
    {
        if (Interlocked.Increment(ref s_readers) > MostReaders)
        {
            Interlocked.Decrement(ref s_readers);
            throw new ApiException(ProblemCode.RateLimited,
                "too many files are being read, or hang") { Headers = new Dictionary<string, string> { ["Retry-After"] = "10" } };
        }
        // A file of a server that hangs holds its thread until the server answers, and this call no longer than a bound.
        var reading = Task.Factory.StartNew(() =>
        {
            try
            {
                return Read(references, folders, cancellation);
            }
            finally
            {
                Interlocked.Decrement(ref s_readers);
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            foreach (var (reference, content, sum, code, why) in await reading.WaitAsync(Longest, cancellation))
                if (content is null)
                    host.Unreadable[reference.Filename] = (code, why);
                else
                    Take(reference, content, sum);
        }
        catch (TimeoutException)
        {
            foreach (var reference in references)
                host.Unreadable[reference.Filename] = (ConfigCode.InvalidValue, $"could not be read within {Longest.TotalSeconds:0} s");
        }
    }

    private void Take(FileReference reference, byte[] content, string sum)
    {
        var key = (reference.Holder, reference.Filename);
        if (reference.IsPlugIn)
        {
            // Of one with others beside it all are kept, and who names a sum means that of its assembly.
            _fresh[_digests[key] = Convert.ToHexStringLower(SHA256.HashData(content))] = content;
            _sums[key] = sum;
        }
        else if (reference.Sensitive is var (field, onlyWithKey) && (!onlyWithKey || SensitiveFields.HoldsPrivateKey(content)))
            (_digests[key], _sums[key]) = (vault.Mark(field, content, secrets), sum);
        else
            _fresh[_digests[key] = sum] = content;
    }

    private List<(FileReference, byte[]?, string Sum, string Code, string Why)> Read(List<FileReference> references,
        Func<FileReference, AllowedFolders?> folders, CancellationToken cancellation)
    {
        var read = new List<(FileReference, byte[]?, string, string, string)>();
        var left = MostBytes;
        foreach (var group in references.GroupBy(r => (r.Holder, r.Filename)))
        {
            cancellation.ThrowIfCancellationRequested();
            var reference = group.First();
            var limit = reference.Holder == "local" ? HostFile.MaxModule : HostFile.MaxText;
            string? wrong;
            bool missing;
            var sum = "";
            var content = reference.IsPlugIn ? PluginFiles.Read(reference.Filename, policy.PlugIns, left, out wrong, out missing, out sum)
                : HostFile.Read(reference.Filename, Math.Min(limit, left), folders(reference), out wrong, out missing);
            if (!reference.IsPlugIn && content is not null)
                sum = Convert.ToHexStringLower(SHA256.HashData(content));
            left -= content?.Length ?? 0;
            read.Add((reference, content, sum, missing ? ConfigCode.UnknownReference : ConfigCode.InvalidValue, wrong ?? ""));
        }
        return read;
    }
}
