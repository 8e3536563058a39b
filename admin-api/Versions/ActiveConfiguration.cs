namespace Managed.AdminApi.Versions;

/// <summary>The version that is served, and whether the proxy had to fall back at start. Read by every call without a lock.</summary>
internal sealed class ActiveConfiguration
{
    private volatile ActiveVersion? _current;
    private volatile TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Null only while the process starts.</summary>
    public ActiveVersion? Current => _current;

    public ActiveVersion Required => _current ?? throw new InvalidOperationException("no version is active yet");

    /// <summary>Why the proxy does not serve what the history says; null when all is well.</summary>
    public Degradation? Degraded { get; set; }

    /// <summary>Completes at the next change of the active version.</summary>
    public Task Changed => _changed.Task;

    public void Set(ActiveVersion version)
    {
        version.Document.Seal();
        _current = version;
        Interlocked.Exchange(ref _changed, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }
}

/// <summary>What went wrong at start and what is served instead.</summary>
/// <param name="Serving">One of the constants.</param>
/// <param name="StoreUsable">Whether changes can be recorded.</param>
internal sealed record Degradation(string Reason, string Serving, long? Version, DateTimeOffset Since, bool StoreUsable)
{
    /// <summary>The newest acknowledged version, from a history that cannot be written.</summary>
    public const string History = "history";
    /// <summary>The active version, but for code that could not be fetched.</summary>
    public const string Incomplete = "without that code";
    public const string LastGood = "last-good.json", Nothing = "nothing";
}
