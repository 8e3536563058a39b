
namespace Managed.Dashboard.AdminApi;

/// <summary>
/// An item of <c>GET /modules</c>: stored guest code. Kind: lua or wasm. Used by: kept versions that need it, newest first.
/// </summary>
public sealed record Module
{
    private const string AbiExport = "proxy_abi_version_";

    public required string Digest { get; init; }
    public string Kind { get; init; } = "";
    public IReadOnlyList<string> Names { get; init; } = [];
    public long Size { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public string? Author { get; init; }
    public string? Abi { get; init; }
    public IReadOnlyList<string> Imports { get; init; } = [];
    public IReadOnlyList<string> Exports { get; init; } = [];
    public IReadOnlyList<long> UsedBy { get; init; } = [];

    /// <summary>Its first name, or the beginning of its digest.</summary>
    public string Title => Names.Count > 0 ? Names[0] : ShortDigest;

    public string ShortDigest => Digest[..Math.Min(Digest.Length, 19)];

    /// <summary>0.2.1 for <c>proxy_abi_version_0_2_1</c>; null where there is none.</summary>
    public string? AbiVersion => Abi is { Length: > 0 } abi
        ? (abi.StartsWith(AbiExport, StringComparison.Ordinal) ? abi[AbiExport.Length..] : abi).Replace('_', '.') : null;
}

/// <summary>An item of <c>GET /vms</c>: guest code on one worker. State: ready, active, failed, backoff, quarantined.</summary>
public sealed record GuestVm
{
    public string Kind { get; init; } = "";
    public string Name { get; init; } = "";
    public string Digest { get; init; } = "";
    public string? VmId { get; init; }
    public int Worker { get; init; }
    public string State { get; init; } = "";
    public long Executions { get; init; }
    public long Errors { get; init; }
    public long Breaches { get; init; }
    public long TimeMicros { get; init; }
    public long MemoryBytes { get; init; }
    public double? RetryInSeconds { get; init; }
    public long Created { get; init; }
    public long Reloads { get; init; }
    public int Active { get; init; }
    public string? LastError { get; init; }
    public IReadOnlyList<VmBucket>? TimeHistogram { get; init; }
    public IReadOnlyList<VmCallback>? Callbacks { get; init; }

    /// <summary>
    /// The longest that this share of its calls took, in microseconds, rounded up to a power of two; null before the first call.
    /// </summary>
    public long? Quantile(double share)
    {
        if (TimeHistogram is not { Count: > 0 } buckets)
            return null;
        var wanted = share * buckets.Sum(b => b.Count);
        long seen = 0;
        foreach (var bucket in buckets.OrderBy(b => b.Le))
            if ((seen += bucket.Count) >= wanted)
                return bucket.Le;
        return buckets.Max(b => b.Le);
    }
}

/// <summary>Calls that took at most this many microseconds, and more than the bucket before.</summary>
public sealed record VmBucket(long Le, long Count);

/// <summary>The calls of one callback of a Wasm VM.</summary>
public sealed record VmCallback(string Name, long Calls, long TimeMicros, long MaxMicros);
