namespace Managed.Proxy.Core.Buffers;

/// <summary>Reads the protocol buffers wire format in place, without knowing the message.</summary>
internal static class ProtoReader
{
    private const int MaxFields = 1000; // of a message; those that are read here have less than ten

    /// <summary>The last field of this number that is text, bytes or a message.</summary>
    public static bool TryField(ReadOnlySpan<byte> message, int number, out ReadOnlySpan<byte> value)
    {
        value = default;
        bool found = false;
        for (int fields = 0; !message.IsEmpty; fields++)
        {
            if (fields == MaxFields) return false;
            if (!TryNext(ref message, out int field, out ReadOnlySpan<byte> bytes, out _)) return false;
            if (field != number) continue;
            value = bytes;
            found = true;
        }
        return found;
    }

    /// <summary>The last field of this number that is a number; <paramref name="absent"/> when there is none.</summary>
    public static ulong Number(ReadOnlySpan<byte> message, int number, ulong absent)
    {
        while (!message.IsEmpty && TryNext(ref message, out int field, out _, out ulong value))
            if (field == number) absent = value;
        return absent;
    }

    /// <summary>Takes the next field off a message; false: what follows is none.</summary>
    /// <param name="rest">The message; what is left of it.</param>
    /// <param name="field">Its number.</param>
    /// <param name="bytes">Text, bytes or message of one that has them; the eight or four bytes of a fixed number.</param>
    /// <param name="value">Of one that is a varint.</param>
    public static bool TryNext(scoped ref ReadOnlySpan<byte> rest, out int field, out ReadOnlySpan<byte> bytes, out ulong value)
        => TryNext(ref rest, out field, out _, out bytes, out value);

    /// <summary>The same, with the wire type: 0 a varint, 1 eight bytes, 2 text, bytes or a message, 5 four bytes.</summary>
    public static bool TryNext(scoped ref ReadOnlySpan<byte> rest, out int field, out int wire, out ReadOnlySpan<byte> bytes,
        out ulong value)
    {
        field = wire = 0;
        bytes = default;
        value = 0;
        if (!TryVarint(ref rest, out ulong tag)) return false;
        field = (int)(tag >> 3);
        wire = (int)(tag & 7);
        switch (tag & 7)
        {
            case 0: return TryVarint(ref rest, out value);
            case 1 or 5:
                int width = (tag & 7) == 1 ? 8 : 4;
                if (rest.Length < width) return false;
                bytes = rest[..width];
                rest = rest[width..];
                return true;
            case 2:
                if (!TryVarint(ref rest, out ulong length) || length > (ulong)rest.Length) return false;
                bytes = rest[..(int)length];
                rest = rest[(int)length..];
                return true;
            default: return false;
        }
    }

    /// <summary>Takes a number off; false: there is none.</summary>
    public static bool TryVarint(scoped ref ReadOnlySpan<byte> rest, out ulong value)
    {
        value = 0;
        for (int shift = 0; shift < 64 && !rest.IsEmpty; shift += 7)
        {
            byte b = rest[0];
            rest = rest[1..];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return true;
        }
        return false;
    }
}
