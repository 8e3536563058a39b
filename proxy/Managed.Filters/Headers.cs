using System.Text;

namespace Managed.Filters;

/// <summary>
/// The fields of a message, in order, names in lower case, pseudo-headers (<c>:method</c>, <c>:path</c>, <c>:authority</c>, <c>:scheme</c>,
/// <c>:status</c>) among them. Of use while the filter's stream lives, on its worker. A span that a getter gave is valid until the next
/// change. What frames a message (<c>content-length</c>, <c>transfer-encoding</c>, <c>connection</c>) is the proxy's: it can be read, and
/// <c>content-length</c> be removed for a body of another length.
/// </summary>
public abstract class Headers
{
    private protected Headers()
    {
    }

    /// <summary>How many fields there are.</summary>
    public abstract int Count { get; }

    /// <summary>The first value of a lower-case name; false when there is none.</summary>
    public abstract bool TryGet(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value);

    /// <summary>Appends a field.</summary>
    /// <exception cref="ArgumentException">It is no name or value of a field (RFC 9110 section 5), or not a filter's to set.</exception>
    /// <exception cref="InvalidOperationException">There is no room: 2,000 fields, 1 MiB; or the headers have been sent.</exception>
    public abstract void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value);

    /// <summary>One field of this name with this value, in place of all that there are.</summary>
    /// <inheritdoc cref="Add(ReadOnlySpan{byte}, ReadOnlySpan{byte})" path="/exception"/>
    public abstract void Set(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value);

    /// <summary>Removes all fields of a lower-case name; how many there were.</summary>
    /// <exception cref="ArgumentException">It is a pseudo-header.</exception>
    public abstract int Remove(ReadOnlySpan<byte> name);

    /// <summary>
    /// Walks the fields: <c>int cursor = 0; while (headers.Next(ref cursor, out var name, out var value)) …</c>. Nothing may be changed
    /// during the walk.
    /// </summary>
    public abstract bool Next(ref int cursor, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value);

    /// <summary>The first value of a name, as text (each byte a character); null when there is none. Allocates.</summary>
    public string? Get(string name) => TryGet(Encoding.Latin1.GetBytes(name.ToLowerInvariant()), out var value)
        ? Encoding.Latin1.GetString(value) : null;

    /// <summary>The same with texts; names in any case. Allocates.</summary>
    /// <inheritdoc cref="Add(ReadOnlySpan{byte}, ReadOnlySpan{byte})" path="/exception"/>
    public void Add(string name, string value) => Add(Encoding.Latin1.GetBytes(name.ToLowerInvariant()), Bytes(value));

    /// <summary>The same with texts; names in any case. Allocates.</summary>
    /// <inheritdoc cref="Add(ReadOnlySpan{byte}, ReadOnlySpan{byte})" path="/exception"/>
    public void Set(string name, string value) => Set(Encoding.Latin1.GetBytes(name.ToLowerInvariant()), Bytes(value));

    /// <summary>The same with a text; in any case. Allocates.</summary>
    /// <exception cref="ArgumentException">It is a pseudo-header.</exception>
    public int Remove(string name) => Remove(Encoding.Latin1.GetBytes(name.ToLowerInvariant()));

    // Beyond Latin-1 a question mark would go out in silence: as UTF-8 it is at least what was meant.
    private static byte[] Bytes(string value) => value.Any(c => c > 0xFF) ? Encoding.UTF8.GetBytes(value) : Encoding.Latin1.GetBytes(value);
}
