namespace Managed.Proxy.Core.Buffers;

/// <summary>Writes the protocol buffers wire format. What has its default value is left out, as in proto3.</summary>
internal static class ProtoWriter
{
    /// <summary>Text, bytes or a message; nothing for an empty one, as in proto3.</summary>
    public static void Field(ByteWriter into, int number, ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty) return;
        Varint(into, (uint)((number << 3) | 2));
        Varint(into, (uint)value.Length);
        into.Write(value);
    }

    /// <summary>A text in UTF-8.</summary>
    public static void Field(ByteWriter into, int number, string value)
    {
        if (value.Length == 0) return;
        int at = Begin(into, number);
        into.Write(value);
        End(into, at);
    }

    public static void Number(ByteWriter into, int number, ulong value)
    {
        if (value == 0) return;
        Varint(into, (uint)(number << 3));
        Varint(into, value);
    }

    /// <summary>Begins a message (or text) whose length is not known yet; an empty one is written too.</summary>
    /// <returns>For <see cref="End"/>.</returns>
    public static int Begin(ByteWriter into, int number)
    {
        Varint(into, (uint)((number << 3) | 2));
        into.Write([0x80, 0x80, 0x80, 0]); // four bytes of length, whatever it is
        return into.Length;
    }

    /// <summary>Ends what <see cref="Begin"/> began; at most 256 MiB.</summary>
    public static void End(ByteWriter into, int at)
    {
        int length = into.Length - at;
        var bytes = into.Storage.Slice(at - 4, 4);
        for (int i = 0; i < 3; i++, length >>= 7) bytes[i] = (byte)(length | 0x80);
        bytes[3] = (byte)(length & 0x7F);
    }

    /// <summary>A number or a tag as it is.</summary>
    public static void Varint(ByteWriter into, ulong value)
    {
        for (; value >= 0x80; value >>= 7) into.Write((byte)(value | 0x80));
        into.Write((byte)value);
    }

    public static void Truth(ByteWriter into, int number, bool value)
    {
        if (!value) return;
        Varint(into, (uint)(number << 3));
        into.Write((byte)1);
    }
}
