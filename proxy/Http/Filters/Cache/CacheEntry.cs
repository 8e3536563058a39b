namespace Managed.Proxy.Http.Filters.Cache;

/// <summary>
/// What is kept under a key: a response, or the names of the request headers that the responses for a URL vary by. Immutable but for its
/// use and its end, so that workers read it without a lock.
/// </summary>
internal sealed class CacheEntry(byte[] key)
{
    private const int Overhead = 400; // of the objects and their places

    public byte[] Key => key;
    /// <summary>Lower-case names by which responses vary; null: it is a response.</summary>
    public byte[][]? Varies { get; init; }
    /// <summary>Of those that vary: part of the keys of its responses, so that those of one that is gone are not found again.</summary>
    public long Number { get; init; }
    public int Status { get; init; }
    public (byte[] Name, byte[] Value)[] Headers { get; init; } = [];
    /// <summary>When it came; wall clock, seconds since the Unix epoch.</summary>
    public long Received { get; init; }
    /// <summary>How old it was then, and how old it may get; seconds (RFC 9111 sections 4.2.1 and 4.2.3).</summary>
    public long InitialAge { get; init; }
    public long Lifetime { get; init; }
    /// <summary>Each use has to be asked for at the upstream.</summary>
    public bool AlwaysAsks { get; init; }
    /// <summary>It is not to be used when it is too old, whatever the client says.</summary>
    public bool NeverStale { get; init; }

    /// <summary>Null: it is gone.</summary>
    public byte[]? Body;
    /// <summary>It has been given since it was last looked at; a worker's guess is as good as another's.</summary>
    public volatile bool Used;

    public long Size { get; private set; }
    /// <summary>Its file; null: it has none.</summary>
    public KeptFile? File { get; set; }

    public CacheEntry Measured()
    {
        Size = Overhead + key.Length + (Body?.Length ?? 0);
        foreach (var (name, value) in Headers) Size += name.Length + value.Length + 64;
        foreach (byte[] name in Varies ?? []) Size += name.Length + 32;
        return this;
    }

    /// <summary>Seconds, at this time.</summary>
    public long Age(long now) => InitialAge + Math.Max(0, now - Received);

    public bool TryGet(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        foreach (var field in Headers)
            if (name.SequenceEqual(field.Name))
            {
                value = field.Value;
                return true;
            }
        value = default;
        return false;
    }

    /// <summary>The upstream can be asked whether it is still right.</summary>
    public bool HasValidator => TryGet("etag"u8, out _) || TryGet("last-modified"u8, out _);
}
