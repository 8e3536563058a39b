using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

/// <summary>Fields that are no messages, from text to the wire.</summary>
internal static class ProtoScalar
{
    /// <summary>Writes a field, its tag too; false: the text is no value of its type.</summary>
    /// <param name="field">Which.</param>
    /// <param name="text">What a JSON string or number says, or a part of a path or query.</param>
    /// <param name="anyCase">Names of enumerations in any case.</param>
    /// <param name="into">Where.</param>
    public static bool TryWrite(ProtoField field, ReadOnlySpan<byte> text, bool anyCase, ByteWriter into)
    {
        switch (field.Type)
        {
            case ProtoType.String:
                if (!System.Text.Unicode.Utf8.IsValid(text)) return false;
                Bytes(into, field.Number, text);
                return true;
            case ProtoType.Bytes: return TryBase64(field, text, into);
            case ProtoType.Bool:
                if (!text.SequenceEqual("true"u8) && !text.SequenceEqual("false"u8)) return false;
                Number(into, field.Number, text[0] == 't' ? 1u : 0);
                return true;
            case ProtoType.Enum: return TryEnum(field, text, anyCase, into);
            case ProtoType.Double or ProtoType.Float: return TryReal(field, text, into);
            case ProtoType.UInt64 or ProtoType.Fixed64 or ProtoType.UInt32 or ProtoType.Fixed32:
                ulong most = field.Type is ProtoType.UInt32 or ProtoType.Fixed32 ? uint.MaxValue : ulong.MaxValue;
                if (!TryUnsigned(text, out ulong unsigned) || unsigned > most) return false;
                Integer(field, unsigned, into);
                return true;
            default:
                bool isShort = field.Type is ProtoType.Int32 or ProtoType.SInt32 or ProtoType.SFixed32;
                if (!TrySigned(text, out long signed) || (isShort && signed is < int.MinValue or > int.MaxValue && isShort)) return false;
                if (field.Type is ProtoType.SInt32 or ProtoType.SInt64) Integer(field, (ulong)((signed << 1) ^ (signed >> 63)), into);
                else Integer(field, (ulong)signed, into);
                return true;
        }
    }

    public static void Bytes(ByteWriter into, int number, ReadOnlySpan<byte> value)
    {
        ProtoWriter.Varint(into, ((ulong)number << 3) | 2);
        ProtoWriter.Varint(into, (uint)value.Length);
        into.Write(value);
    }

    public static void Number(ByteWriter into, int number, ulong value)
    {
        ProtoWriter.Varint(into, (ulong)number << 3);
        ProtoWriter.Varint(into, value);
    }

    public static void Double(ByteWriter into, int number, double value)
    {
        ProtoWriter.Varint(into, ((ulong)number << 3) | 1);
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        into.Write(bytes);
    }

    public static bool TrySigned(ReadOnlySpan<byte> text, out long value)
    {
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value)) return true;
        if (!TryWhole(text, out double real) || real is < -9223372036854775808d or >= 9223372036854775808d) return false;
        value = (long)real;
        return true;
    }

    private static bool TryUnsigned(ReadOnlySpan<byte> text, out ulong value)
    {
        if (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value)) return true;
        if (!TryWhole(text, out double real) || real is < 0 or >= 18446744073709551616d) return false;
        value = (ulong)real;
        return true;
    }

    // 1.0 and 1e3 are whole numbers as well.
    private static bool TryWhole(ReadOnlySpan<byte> text, out double value)
        => double.TryParse(text, NumberStyles.Float & ~NumberStyles.AllowLeadingWhite & ~NumberStyles.AllowTrailingWhite,
            CultureInfo.InvariantCulture, out value) && Math.Floor(value) == value && double.IsFinite(value);

    public static bool TryDouble(ReadOnlySpan<byte> text, out double value)
    {
        value = text.SequenceEqual("NaN"u8) ? double.NaN : text.SequenceEqual("Infinity"u8) ? double.PositiveInfinity
            : text.SequenceEqual("-Infinity"u8) ? double.NegativeInfinity : 0;
        return value != 0 || (!text.IsEmpty && (text[0] is (byte)'-' or >= (byte)'0' and <= (byte)'9')
            && double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
                CultureInfo.InvariantCulture, out value) && double.IsFinite(value));
    }

    private static bool TryReal(ProtoField field, ReadOnlySpan<byte> text, ByteWriter into)
    {
        if (!TryDouble(text, out double value)) return false;
        if (field.Type == ProtoType.Double)
        {
            Double(into, field.Number, value);
            return true;
        }
        if (double.IsFinite(value) && Math.Abs(value) > float.MaxValue) return false;
        Fixed32(into, field.Number, BitConverter.SingleToUInt32Bits((float)value));
        return true;
    }

    private static void Integer(ProtoField field, ulong value, ByteWriter into)
    {
        if (field.Type is ProtoType.Fixed32 or ProtoType.SFixed32) Fixed32(into, field.Number, (uint)value);
        else if (field.Type is ProtoType.Fixed64 or ProtoType.SFixed64)
        {
            ProtoWriter.Varint(into, ((ulong)field.Number << 3) | 1);
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
            into.Write(bytes);
        }
        else Number(into, field.Number, value);
    }

    private static void Fixed32(ByteWriter into, int number, uint value)
    {
        ProtoWriter.Varint(into, ((ulong)number << 3) | 5);
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        into.Write(bytes);
    }

    private static bool TryEnum(ProtoField field, ReadOnlySpan<byte> text, bool anyCase, ByteWriter into)
    {
        if (Utf8Parser.TryParse(text, out int number, out int used) && used == text.Length)
        {
            Number(into, field.Number, (ulong)number);
            return true;
        }
        Span<char> letters = stackalloc char[128];
        if (text.Length > letters.Length || !System.Text.Encoding.UTF8.TryGetChars(text, letters, out int n)) return false;
        var names = anyCase ? field.Enum!.NumbersAnyCase : field.Enum!.Numbers;
        if (!names.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(letters[..n], out number)) return false;
        Number(into, field.Number, (ulong)number);
        return true;
    }

    // Either alphabet (RFC 4648 sections 4 and 5), padded or not.
    private static bool TryBase64(ProtoField field, ReadOnlySpan<byte> text, ByteWriter into)
    {
        byte[] work = ArrayPool<byte>.Shared.Rent(text.Length + 4);
        try
        {
            text.CopyTo(work);
            var letters = work.AsSpan(0, text.Length);
            letters.Replace((byte)'-', (byte)'+');
            letters.Replace((byte)'_', (byte)'/');
            int length = letters.TrimEnd((byte)'=').Length, padded = (length + 3) / 4 * 4;
            work.AsSpan(length, padded - length).Fill((byte)'=');
            if (Base64.DecodeFromUtf8InPlace(work.AsSpan(0, padded), out int n) != OperationStatus.Done) return false;
            Bytes(into, field.Number, work.AsSpan(0, n));
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(work);
        }
    }
}
