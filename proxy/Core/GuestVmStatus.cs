namespace Managed.Proxy.Core;

/// <summary>
/// The machine of one piece of guest code on one worker. <paramref name="State"/>: <c>ready</c> (not called yet), <c>active</c>,
/// <c>failed</c> (there is no VM until the next stream makes one), <c>backoff</c> and <c>quarantined</c> (not called until
/// <paramref name="RetryInSeconds"/> are over; quarantined after repeated breaches of its limits).
/// </summary>
/// <param name="Kind"><c>lua</c> or <c>wasm</c>.</param>
/// <param name="Name">The script's name in messages.</param>
/// <param name="Digest"><c>sha256:</c> of the code.</param>
/// <param name="Executions">Calls of its hooks; <paramref name="Errors"/> of them failed, <paramref name="Breaches"/> over a limit.</param>
/// <param name="TimeMicros">Spent in it, microseconds; <paramref name="Instructions"/> counted, in steps of 1,000.</param>
public sealed record GuestVmStatus(string Kind, string Name, string Digest, int Worker, string State, long Executions, long Errors,
    long Breaches, long TimeMicros, long Instructions, long MemoryBytes, double? RetryInSeconds)
{
    /// <summary>For Wasm: which share data and queues.</summary>
    public string VmId { get; init; } = "";
    /// <summary>For Wasm: its callbacks, those that were called.</summary>
    public IReadOnlyList<GuestCallbackStatus> Callbacks { get; init; } = [];
    /// <summary>For Wasm: VMs made so far on this worker, and of these in place of one that failed.</summary>
    public long Created { get; init; }
    public long Reloads { get; init; }
    /// <summary>For Wasm: VMs that exist on this worker; those that finish their last streams count.</summary>
    public int Active { get; init; }
    /// <summary>Why it failed last; empty when it never did.</summary>
    public string LastError { get; init; } = "";
    /// <summary>Calls by their time in microseconds.</summary>
    public IReadOnlyList<GuestVmBucket> TimeHistogram { get; init; } = [];
    /// <summary>Calls by their instructions.</summary>
    public IReadOnlyList<GuestVmBucket> InstructionHistogram { get; init; } = [];
}

/// <summary>A callback of a guest on one worker: how often it was called, all its time and its longest, in microseconds.</summary>
public sealed record GuestCallbackStatus(string Name, long Calls, long TimeMicros, long MaxMicros);

/// <summary>
/// How many calls took at most <paramref name="Le"/>, a power of two, and more than the bucket before; empty buckets are left out.
/// </summary>
public sealed record GuestVmBucket(long Le, long Count);
