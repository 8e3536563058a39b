namespace Managed.Proxy.Core.Tls;

/// <summary>The versions that are spoken, by their number on the wire (RFC 8446 section 4.1.2).</summary>
internal enum TlsVersion
{
    Tls12 = LibSsl.Tls12,
    Tls13 = LibSsl.Tls13,
}
