using System.Formats.Asn1;
using System.Net;
using System.Text;

namespace Managed.Proxy.Core.Tls;

/// <summary>One name of a certificate's extension subjectAltName (RFC 5280 section 4.2.1.6).</summary>
/// <param name="Oid">Of an other name: which kind.</param>
internal sealed record AlternativeName(SanType Type, string Value, string Oid = "")
{
    private static readonly Asn1Tag Other = Tag(0), Email = Tag(1), Dns = Tag(2), Uri = Tag(6), Address = Tag(7);

    /// <summary>
    /// The next of a list; null for a kind that is not used here, and for text with bytes that no such name has: a NUL in a name once made
    /// others see less of it than was signed.
    /// </summary>
    public static AlternativeName? Read(AsnReader names)
    {
        var tag = names.PeekTag();
        if (tag.HasSameClassAndValue(Other)) return OtherName(names.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 0, true)));
        if (tag.HasSameClassAndValue(Address)) return IpAddress(names.ReadOctetString(Address));
        if (tag.HasSameClassAndValue(Email)) return Text(SanType.Email, names.ReadOctetString(Email));
        if (tag.HasSameClassAndValue(Dns)) return Text(SanType.Dns, names.ReadOctetString(Dns));
        if (tag.HasSameClassAndValue(Uri)) return Text(SanType.Uri, names.ReadOctetString(Uri));
        names.ReadEncodedValue();
        return null;
    }

    private static AlternativeName? Text(SanType type, byte[] bytes)
        => bytes.AsSpan().IndexOfAnyExceptInRange((byte)0x20, (byte)0x7E) < 0 ? new AlternativeName(type, Encoding.ASCII.GetString(bytes))
        : null;

    private static AlternativeName? IpAddress(byte[] bytes)
        => bytes.Length is 4 or 16 ? new AlternativeName(SanType.IpAddress, new IPAddress(bytes).ToString()) : null;

    private static AlternativeName? OtherName(AsnReader name)
    {
        string oid = name.ReadObjectIdentifier();
        var value = name.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 0, true));
        var tag = value.PeekTag();
        if (tag.TagClass != TagClass.Universal) return null;
        var kind = (UniversalTagNumber)tag.TagValue;
        return kind is UniversalTagNumber.UTF8String or UniversalTagNumber.IA5String or UniversalTagNumber.PrintableString
            or UniversalTagNumber.BMPString
            && value.ReadCharacterString(kind) is var text
            && !text.Contains('\0', StringComparison.Ordinal) ? new AlternativeName(SanType.OtherName, text, oid) : null;
    }

    private static Asn1Tag Tag(int number) => new(TagClass.ContextSpecific, number);
}
