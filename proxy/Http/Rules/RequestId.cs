namespace Managed.Proxy.Http.Rules;

/// <summary>x-request-id: a version 4 UUID (RFC 9562 section 5.4) in its 36-character form.</summary>
internal static class RequestId
{
    public static void Write(Span<byte> into, ulong high, ulong low)
    {
        high = (high & ~0xF000UL) | 0x4000;
        low = (low & ~(0xC0UL << 56)) | (0x80UL << 56);
        Hex(into, high >> 32, 8);
        into[8] = (byte)'-';
        Hex(into[9..], high >> 16, 4);
        into[13] = (byte)'-';
        Hex(into[14..], high, 4);
        into[18] = (byte)'-';
        Hex(into[19..], low >> 48, 4);
        into[23] = (byte)'-';
        Hex(into[24..], low, 12);
    }

    private static void Hex(Span<byte> into, ulong value, int digits)
    {
        for (int i = digits - 1; i >= 0; i--, value >>= 4) into[i] = "0123456789abcdef"u8[(int)(value & 15)];
    }
}
