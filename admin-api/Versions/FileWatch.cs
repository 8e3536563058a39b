using Managed.AdminApi.Problems;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Versions;

/// <summary>
/// Looks once a second whether a file has changed that the active document names with <c>watch: true</c>; a version is made of it then.
/// While it names none, nothing wakes up.
/// </summary>
internal sealed class FileWatch(Publisher publisher, ActiveConfiguration active, ILogger<FileWatch> logger) : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, (DateTime Changed, long Length)?> _seen = new(StringComparer.Ordinal);

    /// <summary>The document without the digests of some of its files, so that they are read.</summary>
    public static ConfigObject Reopened(ConfigObject document, Func<FileReference, bool> which)
    {
        var reopened = document.Clone();
        foreach (var reference in FileReference.In(reopened).Where(which))
            reference.Node.Remove("sha256");
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
                    (current, [.. FileReference.In(current.Document).Where(r => r.Watched).Select(r => r.Filename).Distinct()]);
            foreach (var gone in _seen.Keys.Except(files).ToList())
                _seen.Remove(gone);
            foreach (var file in files)
                Look(file);
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

    private void Look(string file)
    {
        var there = new FileInfo(file);
        (DateTime, long)? state = there.Exists ? (there.LastWriteTimeUtc, there.Length) : null;
        if (state is null || (_seen.TryGetValue(file, out var before) && before == state))
            return; // one that is gone stays what it was
        _seen[file] = state;
        try
        {
            publisher.SubmitAsync(new("watcher", ChangeSource.File,
                now => new(Reopened(now!.Document, r => r.Watched && r.Filename == file), null, file)) { Comment = file }, _stop.Token)
                    .GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            // The process ends.
        }
        catch (Exception e)
        {
            PublisherLog.NotReloaded(logger, file, e is ApiException { Errors: [var first, ..] } ? first.Detail : e.Message);
            if (e is not ApiException { Code.Name: "VALIDATION_FAILED" or "APPLY_FAILED" })
                _seen.Remove(file); // it is worth another attempt
        }
    }
}
