using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Headers;

/// <summary>The query of a request target, read in place: <c>name=value</c> pieces between <c>&amp;</c>.</summary>
internal static class QueryString
{
    /// <summary>Between <c>?</c> and the fragment, without either; false when there is no <c>?</c>.</summary>
    public static bool TryOf(ReadOnlySpan<byte> target, out ReadOnlySpan<byte> query)
    {
        int fragment = target.IndexOf((byte)'#');
        if (fragment >= 0) target = target[..fragment];
        int at = target.IndexOf((byte)'?');
        query = at < 0 ? default : target[(at + 1)..];
        return at >= 0;
    }

    /// <summary>The path: up to the query or fragment.</summary>
    public static ReadOnlySpan<byte> PathOf(ReadOnlySpan<byte> target)
        => target.IndexOfAny((byte)'?', (byte)'#') is >= 0 and var at ? target[..at] : target;

    /// <summary>The value, as it stands in the target, of the first parameter of this name.</summary>
    public static bool TryFind(ReadOnlySpan<byte> target, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        TryOf(target, out var query);
        while (query.Length > 0)
        {
            var piece = NextPiece(ref query);
            if (NameOf(piece, out value).SequenceEqual(name)) return true;
        }
        value = default;
        return false;
    }

    /// <summary>Appends the target without the parameters of this name; the fragment goes.</summary>
    public static void WriteWithout(ReadOnlySpan<byte> target, ReadOnlySpan<byte> name, ByteWriter to)
    {
        TryOf(target, out var query);
        to.Write(PathOf(target));
        bool first = true;
        while (query.Length > 0)
        {
            var piece = NextPiece(ref query);
            if (NameOf(piece, out _).SequenceEqual(name)) continue;
            to.Write(first ? (byte)'?' : (byte)'&');
            to.Write(piece);
            first = false;
        }
    }

    public static ReadOnlySpan<byte> NextPiece(scoped ref ReadOnlySpan<byte> query)
    {
        int end = query.IndexOf((byte)'&');
        var piece = end < 0 ? query : query[..end];
        query = end < 0 ? default : query[(end + 1)..];
        return piece;
    }

    public static ReadOnlySpan<byte> NameOf(ReadOnlySpan<byte> piece, out ReadOnlySpan<byte> value)
    {
        int equals = piece.IndexOf((byte)'=');
        value = equals < 0 ? default : piece[(equals + 1)..];
        return equals < 0 ? piece : piece[..equals];
    }

    /// <summary>Appends with <c>%XX</c> decoded; a broken sequence stays as it is.</summary>
    public static void Decode(ReadOnlySpan<byte> value, ByteWriter to)
    {
        for (int i = 0; i < value.Length;) to.Write(Next(value, ref i));
    }

    /// <summary>The same into a span that has the room of the value.</summary>
    /// <returns>How many bytes it came to.</returns>
    public static int Decode(ReadOnlySpan<byte> value, Span<byte> to)
    {
        int length = 0;
        for (int i = 0; i < value.Length;) to[length++] = Next(value, ref i);
        return length;
    }

    /// <summary>Decoded, the value is this.</summary>
    public static bool IsDecoded(ReadOnlySpan<byte> value, ReadOnlySpan<byte> decoded)
    {
        int length = 0;
        for (int i = 0; i < value.Length; length++)
        {
            byte next = Next(value, ref i);
            if (length == decoded.Length || next != decoded[length]) return false;
        }
        return length == decoded.Length;
    }

    private static byte Next(ReadOnlySpan<byte> value, ref int at)
    {
        byte next = value[at++];
        if (next != '%' || at + 1 >= value.Length || Hex(value[at]) is not (>= 0 and var high)
            || Hex(value[at + 1]) is not (>= 0 and var low)) return next;
        at += 2;
        return (byte)(high << 4 | low);
    }

    private static int Hex(byte b) => b switch
    {
        >= (byte)'0' and <= (byte)'9' => b - '0',
        >= (byte)'a' and <= (byte)'f' => b - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => b - 'A' + 10,
        _ => -1,
    };
}
