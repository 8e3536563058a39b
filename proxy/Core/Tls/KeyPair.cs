using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Text;

namespace Managed.Proxy.Core.Tls;

/// <summary>
/// Whether a private key is that of a certificate, by the public half that both of them write down. OpenSSL compares the same halves
/// (X509_check_private_key), and takes half a millisecond to decode the key first, which thousands of certificates wait for.
/// </summary>
internal static class KeyPair
{
    private const string Rsa = "1.2.840.113549.1.1.1", Ec = "1.2.840.10045.2.1";

    // Named curves with the length of their numbers and what the highest bytes of a private number stay below.
    private static readonly (string Oid, int Length, byte[] Below)[] Curves =
    [
        ("1.2.840.10045.3.1.7", 32, [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]), ("1.3.132.0.34", 48, [0xFF, 0xFF, 0xFF, 0xFF]),
        ("1.3.132.0.35", 66, [0x01, 0xFF, 0xFF, 0xFF]),
    ];

    /// <summary>
    /// True: it is a key without a password, complete and written as RFC 7468, 8017, 5915 and 5958 say, and the certificate's. False: what
    /// it is has to be asked of OpenSSL.
    /// </summary>
    /// <param name="keyPem">One block of PEM and nothing else.</param>
    /// <param name="publicKey">The certificate's SubjectPublicKeyInfo, in DER.</param>
    public static bool IsSurelyOf(ReadOnlySpan<byte> keyPem, byte[] publicKey)
    {
        if (keyPem.Length > 32 << 10 || !Ascii.IsValid(keyPem)) return false;
        char[] text = new char[keyPem.Length];
        Encoding.ASCII.GetChars(keyPem, text);
        byte[]? der = null;
        try
        {
            if (Block(text, out string label) is not { } block) return false;
            der = block;
            var reader = new AsnReader(der, AsnEncodingRules.DER);
            var known = Public(publicKey);
            bool same = label switch
            {
                "PRIVATE KEY" => Wrapped(reader, known),
                "RSA PRIVATE KEY" => known.Algorithm == Rsa && SameRsa(reader.ReadSequence(), known.Key),
                "EC PRIVATE KEY" => known.Algorithm == Ec && SameEc(reader.ReadSequence(), known, namesCurve: true),
                _ => false,
            };
            return same && !reader.HasData;
        }
        catch (Exception e) when (e is AsnContentException or FormatException)
        {
            return false;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(der);
            Array.Clear(text);
        }
    }

    // Lines of 64 characters, as OpenSSL writes and surely reads them.
    private static byte[]? Block(char[] text, out string label)
    {
        label = "";
        if (!PemEncoding.TryFind(text, out var fields) || !IsBlank(text.AsSpan(..fields.Location.Start))
            || !IsBlank(text.AsSpan(fields.Location.End..))) return null;
        var body = text.AsSpan(fields.Base64Data);
        while (body.Length > 64)
        {
            int end = body[..66].IndexOf('\n');
            if (end is not 64 and not 65 || (end == 65 && body[64] != '\r')) return null;
            body = body[(end + 1)..];
        }
        if (body.ContainsAny('\r', '\n', ' ')) return null;
        label = new string(text.AsSpan(fields.Label));
        byte[] der = new byte[fields.DecodedDataLength];
        return Convert.TryFromBase64Chars(text.AsSpan(fields.Base64Data), der, out int written) && written == der.Length ? der : null;
    }

    private static bool IsBlank(ReadOnlySpan<char> text) => !text.ContainsAnyExcept(" \r\n\t");

    private readonly record struct PublicHalf(string Algorithm, string Curve, byte[] Key);

    private static PublicHalf Public(byte[] info)
    {
        var sequence = new AsnReader(info, AsnEncodingRules.DER).ReadSequence();
        var algorithm = sequence.ReadSequence();
        string oid = algorithm.ReadObjectIdentifier();
        string curve = oid == Ec ? algorithm.ReadObjectIdentifier() : "";
        return new(oid, curve, sequence.ReadBitString(out _));
    }

    // PrivateKeyInfo of PKCS#8, version 1.
    private static bool Wrapped(AsnReader reader, PublicHalf known)
    {
        var info = reader.ReadSequence();
        if (!info.TryReadInt32(out int version) || version != 0) return false;
        var algorithm = info.ReadSequence();
        if (algorithm.ReadObjectIdentifier() != known.Algorithm) return false;
        if (known.Algorithm == Ec)
        {
            if (algorithm.ReadObjectIdentifier() != known.Curve) return false;
        }
        else if (known.Algorithm == Rsa) algorithm.ReadNull();
        else return false;
        algorithm.ThrowIfNotEmpty();
        var key = new AsnReader(info.ReadOctetString(), AsnEncodingRules.DER);
        bool same = known.Algorithm == Ec ? SameEc(key.ReadSequence(), known, namesCurve: false) : SameRsa(key.ReadSequence(), known.Key);
        return same && !key.HasData && !info.HasData;
    }

    private static bool SameRsa(AsnReader key, byte[] known)
    {
        var half = new AsnReader(known, AsnEncodingRules.DER).ReadSequence();
        if (!key.TryReadInt32(out int version) || version != 0) return false;
        bool same = key.ReadIntegerBytes().Span.SequenceEqual(half.ReadIntegerBytes().Span)
            & key.ReadIntegerBytes().Span.SequenceEqual(half.ReadIntegerBytes().Span);
        for (int i = 0; i < 6; i++) // the private exponent, both primes, and what is known of them
            same &= key.ReadIntegerBytes().Span is [< 0x80, ..] and not [0];
        return same && !key.HasData;
    }

    private static bool SameEc(AsnReader key, PublicHalf known, bool namesCurve)
    {
        var (curve, length, below) = Array.Find(Curves, c => c.Oid == known.Curve);
        if (curve is null || !key.TryReadInt32(out int version) || version != 1) return false;
        byte[] number = key.ReadOctetString();
        bool fits = number.Length == length && number.AsSpan(..below.Length).SequenceCompareTo(below) < 0
            && number.AsSpan().ContainsAnyExcept((byte)0);
        CryptographicOperations.ZeroMemory(number);
        var parameters = new Asn1Tag(TagClass.ContextSpecific, 0, isConstructed: true);
        if (key.HasData && key.PeekTag() == parameters) fits &= key.ReadSequence(parameters).ReadObjectIdentifier() == curve;
        else if (namesCurve) return false;
        var point = new Asn1Tag(TagClass.ContextSpecific, 1, isConstructed: true);
        if (!fits || !key.HasData || key.PeekTag() != point) return false;
        return key.ReadSequence(point).ReadBitString(out _).AsSpan().SequenceEqual(known.Key) && !key.HasData;
    }
}
