namespace Managed.Filters;

/// <summary>
/// Looks at the first bytes of one connection, before its chain is chosen, and notes what it finds. What it has looked at is there for the
/// next filter and for the connection, but for what it takes away. It has no work under way: it answers at once, or when more has come.
/// </summary>
public abstract class ListenerFilter : FilterInstance
{
    internal ListenerFilterStatus Look(ReadOnlySpan<byte> bytes, IncomingConnection connection) => OnBytes(bytes, connection);
    internal int MostBytes => MaxBytes;
    internal int TakenBytes => Taken;

    /// <summary>How many bytes it looks at, 1 to 65,536; with so many it must not say NeedMore any more.</summary>
    protected abstract int MaxBytes { get; }

    /// <summary>With Done: bytes of the beginning that nobody else is to see.</summary>
    protected int Taken { get; set; }

    /// <summary>All that has come so far; asked first when nothing has come yet.</summary>
    protected abstract ListenerFilterStatus OnBytes(ReadOnlySpan<byte> bytes, IncomingConnection connection);
}
