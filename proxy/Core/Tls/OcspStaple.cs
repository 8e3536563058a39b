namespace Managed.Proxy.Core.Tls;

/// <summary>An OCSP response (RFC 6960) that a server sends along with its certificate.</summary>
internal sealed unsafe class OcspStaple
{
    private readonly TimeProvider _time;

    private OcspStaple(byte[] der, DateTimeOffset thisUpdate, DateTimeOffset? nextUpdate, TimeProvider time)
        => (Der, ThisUpdate, NextUpdate, _time) = (der, thisUpdate, nextUpdate, time);

    public byte[] Der { get; }
    public DateTimeOffset ThisUpdate { get; }
    /// <summary>Null: newer information is available all the time, so it is never out of date by itself.</summary>
    public DateTimeOffset? NextUpdate { get; }

    public bool IsFresh => _time.GetUtcNow() is var now && now >= ThisUpdate && (NextUpdate is not { } until || now < until);

    /// <summary>Null and the reason when it is no successful response.</summary>
    public static OcspStaple? Read(byte[] der, TimeProvider time, out string? wrong)
    {
        wrong = "it is no OCSP response in DER";
        nint response;
        fixed (byte* bytes = der)
        {
            byte* at = bytes;
            response = der.Length == 0 ? 0 : LibCrypto.d2i_OCSP_RESPONSE(null, &at, der.Length);
        }
        if (response == 0) { TlsLibrary.TakeError(); return null; }
        nint basic = LibCrypto.OCSP_response_status(response) == LibCrypto.OcspSuccessful ? LibCrypto.OCSP_response_get1_basic(response)
            : 0;
        try
        {
            nint single = basic == 0 ? 0 : LibCrypto.OCSP_resp_get0(basic, 0);
            if (single == 0) { wrong = "the OCSP response says nothing of a certificate"; return null; }
            nint revoked, thisUpdate, nextUpdate;
            LibCrypto.OCSP_single_get0_status(single, null, &revoked, &thisUpdate, &nextUpdate);
            wrong = null;
            return new OcspStaple(der, PeerCertificate.Time(thisUpdate), nextUpdate == 0 ? null : PeerCertificate.Time(nextUpdate), time);
        }
        finally
        {
            if (basic != 0) LibCrypto.OCSP_BASICRESP_free(basic);
            LibCrypto.OCSP_RESPONSE_free(response);
            TlsLibrary.TakeError();
        }
    }
}
