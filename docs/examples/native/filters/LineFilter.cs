using Managed.Filters;

namespace ExampleFilters;

/// <summary>
/// Listener: a connection may say by a first line <c>TO name</c> which filter chain it wants; the line is taken away, and the name is what a
/// chain's <c>server_names</c> match.
/// </summary>
public sealed class LinePlugin : ListenerFilterPlugin<NoConfiguration>
{
    protected override ListenerFilter CreateFilter() => new LineFilter();
}

internal sealed class LineFilter : ListenerFilter
{
    protected override int MaxBytes => 256;

    protected override ListenerFilterStatus OnBytes(ReadOnlySpan<byte> bytes, IncomingConnection connection)
    {
        var word = "TO "u8;
        int n = Math.Min(bytes.Length, word.Length);
        if (!bytes[..n].SequenceEqual(word[..n])) return ListenerFilterStatus.Done; // somebody who does not know of it
        int end = bytes.IndexOf((byte)'\n');
        if (end < 0) return bytes.Length < MaxBytes ? ListenerFilterStatus.NeedMore : ListenerFilterStatus.Reject;
        var name = bytes[word.Length..end].TrimEnd((byte)'\r');
        if (name.IsEmpty || name.ContainsAnyExceptInRange((byte)'!', (byte)'~')) return ListenerFilterStatus.Reject;
        connection.SetServerName(System.Text.Encoding.ASCII.GetString(name));
        connection.Note("line", "asked_for", System.Text.Encoding.ASCII.GetString(name));
        Taken = end + 1;
        return ListenerFilterStatus.Done;
    }
}
