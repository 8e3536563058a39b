using Managed.AdminApi.Problems;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Host;

namespace Managed.AdminApi.Versions;

/// <summary>
/// Looks once a second whether files have changed that the active document names with <c>watch: true</c> or in a
/// <c>watched_directory</c>, or whose secrets or endpoints it names; a version is made of them then. While it names none, nothing wakes up.
/// </summary>
internal sealed class FileWatch(Publisher publisher, ActiveConfiguration active, HostPolicy policy, ILogger<FileWatch> logger) : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, (string Path, DateTime Changed, long Length)?> _seen = new(StringComparer.Ordinal);
    private readonly HashSet<string> _refused = new(StringComparer.Ordinal); // changed, and no version could be made with them so far

    /// <summary>The document without the digests of some of its files, so that they are read.</summary>
    /// <param name="which">Of files that are named as sources of bytes.</param>
    /// <param name="secrets">Of files of secrets, by their paths.</param>
    public static ConfigObject Reopened(ConfigObject document, Func<FileReference, bool> which, Func<string, bool> secrets)
    {
        var reopened = document.Clone();
        SdsFiles.Reopen(reopened, secrets);
        foreach (var reference in FileReference.In(reopened).Where(which))
            reference.SetDigest(null);
        return reopened;
    }

    // On a thread of its own: looking at a file of a server that hangs takes as long as that.
    public void Start() => new Thread(Run) { IsBackground = true, Name = "file-watch" }.Start();

    public void Dispose() => _stop.Cancel();

    private void Run()
    {
        ActiveVersion? version = null;
        IReadOnlyList<string> files = [];
        Task changed;
        do
        {
            changed = active.Changed; // taken before the look, so that no change falls between
            if (active.Current is { } current && !ReferenceEquals(current, version))
                (version, files) =
                    (current, [.. FileReference.In(current.Document).Where(r => r.Watched).Select(policy.PathOf)
                        .Concat(SdsFiles.PathsIn(current.Document)).Distinct()]);
            foreach (var gone in _seen.Keys.Except(files).ToList())
                _seen.Remove(gone);
            _refused.IntersectWith(files);
            if (files.Where(Changed).ToHashSet(StringComparer.Ordinal) is { Count: > 0 } those)
                Publish(those);
        }
        while (Wait(files.Count > 0 ? null : changed));
    }

    /// <summary>A second, or as long as nothing changes; false when the process ends.</summary>
    private bool Wait(Task? changed)
    {
        if (changed is null)
            return !_stop.Token.WaitHandle.WaitOne(TimeSpan.FromSeconds(1));
        try
        {
            changed.Wait(_stop.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private bool Changed(string file)
    {
        // Where a path leads counts too: folders of secrets are swapped by turning one link.
        if (HostFile.RealPathOf(file) is not { } path || new FileInfo(path) is not { Exists: true } there)
            return false; // one that is gone stays what it was
        (string, DateTime, long)? state = (path, there.LastWriteTimeUtc, there.Length);
        if (_seen.TryGetValue(file, out var before) && before == state)
            return false;
        _seen[file] = state;
        return true;
    }

    /// <summary>
    /// All that have changed at once: a certificate without its key would be refused. When it is refused all the same (the one was looked
    /// at before the other was moved), what has changed is taken along with the next change.
    /// </summary>
    private void Publish(HashSet<string> changed)
    {
        changed.UnionWith(_refused);
        var what = string.Join(", ", changed.Order(StringComparer.Ordinal).Take(5)) + (changed.Count > 5 ? ", …" : "");
        try
        {
            publisher.SubmitAsync(new("watcher", ChangeSource.File,
                now => new(Reopened(now!.Document, r => r.Watched && changed.Contains(policy.PathOf(r)), changed.Contains), null, what))
                    { Comment = what },
                    _stop.Token).GetAwaiter().GetResult();
            _refused.Clear();
        }
        catch (OperationCanceledException)
        {
            // The process ends.
        }
        catch (Exception e)
        {
            PublisherLog.NotReloaded(logger, what, e is ApiException { Errors: [var first, ..] } ? first.Detail : e.Message);
            if (e is ApiException { Code.Name: "VALIDATION_FAILED" or "APPLY_FAILED" })
                _refused.UnionWith(changed);
            else
                foreach (var file in changed)
                    _seen.Remove(file); // it is worth another attempt
        }
    }
}
