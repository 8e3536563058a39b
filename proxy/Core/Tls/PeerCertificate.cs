using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Text;

namespace Managed.Proxy.Core.Tls;

/// <summary>What a certificate says, for logs, headers, filters and conditions.</summary>
internal sealed unsafe class PeerCertificate
{
    private PeerCertificate(byte[] der) => Encoded = der;

    /// <summary>In DER.</summary>
    public byte[] Encoded { get; }
    /// <summary>As RFC 2253 writes names: CN=client,O=Example.</summary>
    public string Subject { get; private set; } = "";
    public string Issuer { get; private set; } = "";
    /// <summary>Lower-case hexadecimal digits.</summary>
    public string SerialNumber { get; private set; } = "";
    public DateTimeOffset NotBefore { get; private set; }
    public DateTimeOffset NotAfter { get; private set; }
    public byte[] Sha256 { get; private set; } = [];
    public byte[] KeySha256 { get; private set; } = [];
    /// <summary>OpenSSL's number of the type of key: see <see cref="LibCrypto.KeyRsa"/> and its neighbours.</summary>
    public int KeyType { get; private set; }
    public IReadOnlyList<AlternativeName> AlternativeNames { get; private set; } = [];

    public string Sha1 => Convert.ToHexStringLower(SHA1.HashData(Encoded)); // what people know certificates by; nothing is proven with it

    public IEnumerable<string> Names(SanType type) => AlternativeNames.Where(n => n.Type == type).Select(n => n.Value);

    /// <summary>Reads a certificate in DER that OpenSSL has accepted before; what of it is odd is left empty.</summary>
    public static PeerCertificate Read(byte[] der)
    {
        nint certificate;
        fixed (byte* bytes = der)
        {
            byte* at = bytes;
            certificate = LibCrypto.d2i_X509(null, &at, der.Length);
        }
        if (certificate == 0) { TlsLibrary.TakeError(); return new PeerCertificate(der) { Sha256 = SHA256.HashData(der) }; }
        var read = Read(certificate, der);
        LibCrypto.X509_free(certificate);
        return read;
    }

    /// <summary>The same of one that OpenSSL has decoded, which costs it more than all else; it stays the caller's.</summary>
    public static PeerCertificate Read(nint certificate) => Read(certificate, Der(certificate));

    private static PeerCertificate Read(nint certificate, byte[] der)
    {
        var read = new PeerCertificate(der) { Sha256 = SHA256.HashData(der) };
        read.Subject = NameText(LibCrypto.X509_get_subject_name(certificate));
        read.Issuer = NameText(LibCrypto.X509_get_issuer_name(certificate));
        read.SerialNumber = Convert.ToHexStringLower(StringBytes(LibCrypto.X509_get_serialNumber(certificate)));
        read.NotBefore = Time(LibCrypto.X509_get0_notBefore(certificate));
        read.NotAfter = Time(LibCrypto.X509_get0_notAfter(certificate));
        read.KeySha256 = SHA256.HashData(PublicKeyOf(certificate));
        read.KeyType = LibCrypto.EVP_PKEY_get_base_id(LibCrypto.X509_get0_pubkey(certificate));
        read.AlternativeNames = NamesOf(certificate);
        TlsLibrary.TakeError();
        return read;
    }

    public string Pem => PemOf(Encoded);

    public static string PemOf(byte[] der) => PemEncoding.WriteString("CERTIFICATE", der) + "\n";

    /// <summary>OpenSSL's certificate in DER.</summary>
    public static byte[] Der(nint certificate)
    {
        int length = LibCrypto.i2d_X509(certificate, null);
        if (length <= 0) { TlsLibrary.TakeError(); return []; }
        byte[] der = new byte[length];
        fixed (byte* bytes = der)
        {
            byte* at = bytes;
            LibCrypto.i2d_X509(certificate, &at);
        }
        return der;
    }

    /// <summary>The SubjectPublicKeyInfo of OpenSSL's certificate in DER; empty when there is none.</summary>
    public static byte[] PublicKeyOf(nint certificate)
    {
        nint key = LibCrypto.X509_get_X509_PUBKEY(certificate);
        int length = LibCrypto.i2d_X509_PUBKEY(key, null);
        if (length <= 0) return [];
        byte[] der = new byte[length];
        fixed (byte* bytes = der)
        {
            byte* at = bytes;
            LibCrypto.i2d_X509_PUBKEY(key, &at);
        }
        return der;
    }

    private static string NameText(nint name)
    {
        nint bio = LibCrypto.BIO_new(LibCrypto.BIO_s_mem());
        LibCrypto.X509_NAME_print_ex(bio, name, 0, LibCrypto.NameRfc2253);
        byte* text;
        nint length = LibCrypto.BIO_ctrl(bio, 3, 0, (nint)(&text)); // BIO_CTRL_INFO: BIO_get_mem_data
        string result = length > 0 ? Encoding.UTF8.GetString(text, (int)length) : "";
        LibCrypto.BIO_free(bio);
        return result;
    }

    private static ReadOnlySpan<byte> StringBytes(nint text)
        => new(LibCrypto.ASN1_STRING_get0_data(text), LibCrypto.ASN1_STRING_length(text));

    /// <summary>An ASN1_TIME; the beginning of time when it is none.</summary>
    internal static DateTimeOffset Time(nint time)
    {
        int* tm = stackalloc int[16]; // struct tm
        if (time == 0 || LibCrypto.ASN1_TIME_to_tm(time, tm) != 1) return DateTimeOffset.UnixEpoch;
        try
        {
            return new DateTimeOffset(tm[5] + 1900, tm[4] + 1, tm[3], tm[2], tm[1], tm[0], TimeSpan.Zero);
        }
        catch (ArgumentOutOfRangeException)
        {
            return DateTimeOffset.MaxValue;
        }
    }

    private static List<AlternativeName> NamesOf(nint certificate)
    {
        var names = new List<AlternativeName>();
        int index = LibCrypto.X509_get_ext_by_NID(certificate, LibCrypto.NidSubjectAltName, -1);
        if (index < 0) return names;
        try
        {
            var sequence = new AsnReader(StringBytes(LibCrypto.X509_EXTENSION_get_data(LibCrypto.X509_get_ext(certificate, index)))
                .ToArray(), AsnEncodingRules.BER).ReadSequence();
            while (sequence.HasData)
                if (AlternativeName.Read(sequence) is { } name) names.Add(name);
        }
        catch (AsnContentException)
        {
            names.Clear(); // nothing is to be concluded from half of it
        }
        return names;
    }
}
