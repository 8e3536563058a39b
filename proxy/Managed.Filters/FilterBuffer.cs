namespace Managed.Filters;

/// <summary>
/// A piece of a body, or the bytes of a connection: the proxy's own storage, read and changed in place within the hook that it was given
/// to. Neither it nor a span of it may be kept after the hook.
/// </summary>
public abstract class FilterBuffer
{
    private protected FilterBuffer()
    {
    }

    /// <summary>How many bytes there are.</summary>
    public abstract int Length { get; }

    /// <summary>The bytes; valid until the next change.</summary>
    public abstract ReadOnlySpan<byte> Written { get; }

    /// <summary>Takes all bytes away.</summary>
    public abstract void Clear();

    /// <summary>Keeps the first <paramref name="length"/> bytes, at most what there is.</summary>
    public abstract void Truncate(int length);

    /// <summary>Appends; the bytes are copied.</summary>
    public abstract void Write(ReadOnlySpan<byte> value);
}
