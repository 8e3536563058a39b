using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Managed.Proxy.Core.Tls;

/// <summary>
/// What OpenSSL asks in the middle of a handshake. Nothing is thrown through its frames: what fails here fails the handshake.
/// </summary>
internal sealed unsafe partial class TlsContext
{
    private static readonly delegate* unmanaged[Cdecl]<nint, byte**, byte*, byte*, uint, nint, int> AlpnCallback = &OnAlpn;
    private static readonly delegate* unmanaged[Cdecl]<nint, nint, int> VerifyCallback = &OnVerify;
    private static readonly delegate* unmanaged[Cdecl]<nint, nint, int> StapleCallback = &OnStaple;
    private static readonly delegate* unmanaged[Cdecl]<nint, nint, int> NewSessionCallback = &OnNewSession;
    private static readonly delegate* unmanaged[Cdecl]<nint, byte*, byte*, nint, nint, int, int> TicketCallback = &OnTicket;

    private static readonly delegate* unmanaged[Cdecl]<nint, byte*, void> KeyLogCallback = &OnKeyLog;

    private KeyLog? _keyLog;
    private StaplePolicy _staplePolicy;
    private TicketKeys? _tickets;
    private nint _ticketCipher;

    private void UseTickets(nint library, TicketKeys tickets)
    {
        _tickets = tickets;
        fixed (byte* name = "AES-256-CBC\0"u8) _ticketCipher = LibCrypto.EVP_CIPHER_fetch(library, name, 0);
        LibSsl.SSL_CTX_set_tlsext_ticket_key_evp_cb(Pointer, (nint)TicketCallback);
    }

    private void UseKeyLog(KeyLog log)
    {
        _keyLog = log;
        LibSsl.SSL_CTX_set_keylog_callback(Pointer, (nint)KeyLogCallback);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnKeyLog(nint ssl, byte* line)
    {
        try
        {
            if (TlsTransport.Of(ssl) is { } transport)
                Of(ssl)._keyLog?.Write(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(line), transport.LocalAddress,
                    transport.RemoteAddress);
        }
        catch (Exception)
        {
            // The connection is worth more than its line.
        }
    }

    // Ours in our order; none in common: the handshake goes on without, as in Envoy.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnAlpn(nint ssl, byte** chosen, byte* chosenLength, byte* offered, uint offeredLength, nint argument)
    {
        try
        {
            ReadOnlySpan<byte> ours = Of(ssl)._alpnWire;
            for (int i = 0; i < ours.Length; i += 1 + ours[i])
            {
                var name = ours.Slice(i + 1, ours[i]);
                for (uint at = 0; at < offeredLength && at + 1 + offered[at] <= offeredLength; at += 1u + offered[at])
                {
                    if (!name.SequenceEqual(new ReadOnlySpan<byte>(offered + at + 1, offered[at]))) continue;
                    *chosen = offered + at + 1; // lives as long as the handshake
                    *chosenLength = offered[at];
                    return LibSsl.TlsExtErrOk;
                }
            }
            return LibSsl.TlsExtErrNoAck;
        }
        catch (Exception)
        {
            return LibSsl.TlsExtErrAlertFatal;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnVerify(nint store, nint argument)
    {
        try
        {
            nint ssl = LibCrypto.X509_STORE_CTX_get_ex_data(store, LibSsl.SSL_get_ex_data_X509_STORE_CTX_idx());
            if (TlsTransport.Of(ssl) is not { } transport || Of(ssl).Verifier is not { } verifier) return 0;
            transport.Verdict = verifier.Verify(store, transport.ServerName);
            if (transport.Verdict == PeerVerdict.Accepted) return 1;
            if (LibCrypto.X509_STORE_CTX_get_error(store) == LibCrypto.VerifyOk)
                LibCrypto.X509_STORE_CTX_set_error(store, LibCrypto.VerifyErrRejected);
            transport.NoteRefusal(TlsLibrary.Text(LibCrypto.X509_verify_cert_error_string(LibCrypto.X509_STORE_CTX_get_error(store))));
            return 0;
        }
        catch (Exception)
        {
            return 0;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnStaple(nint ssl, nint argument)
    {
        try
        {
            var context = Of(ssl);
            if (TlsTransport.Of(ssl) is not { } transport) return LibSsl.TlsExtErrNoAck;
            var staple = context.CertificateOf(LibSsl.SSL_get_certificate(ssl))?.Staple;
            bool needsOne = context._staplePolicy == StaplePolicy.MustStaple
                || (staple is not null && context._staplePolicy == StaplePolicy.Strict);
            nint copy = staple is { IsFresh: true } ? LibCrypto.CRYPTO_malloc((nuint)staple.Der.Length, 0, 0) : 0; // OpenSSL frees it
            transport.Staple = copy != 0 ? StapleOutcome.Sent : needsOne ? StapleOutcome.Refused : StapleOutcome.Omitted;
            if (staple is null || copy == 0) return needsOne ? LibSsl.TlsExtErrAlertFatal : LibSsl.TlsExtErrNoAck;
            staple.Der.CopyTo(new Span<byte>((byte*)copy, staple.Der.Length));
            LibSsl.SSL_ctrl(ssl, LibSsl.CtrlSetStatusResponse, staple.Der.Length, copy);
            return LibSsl.TlsExtErrOk;
        }
        catch (Exception)
        {
            return LibSsl.TlsExtErrAlertFatal;
        }
    }

    // 1: the reference is ours.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnNewSession(nint ssl, nint session)
    {
        try
        {
            return TlsTransport.Of(ssl) is { } transport && Of(ssl).Sessions is { } sessions
                && sessions.Keep(transport.ServerName, session) ? 1 : 0;
        }
        catch (Exception)
        {
            return 0;
        }
    }

    // To encrypt: 1, or 0 for no ticket. To decrypt: 0 for a key that we do not have, 1, 2 to send a new ticket; -1 when something is
    // wrong.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnTicket(nint ssl, byte* name, byte* iv, nint cipher, nint mac, int encrypts)
    {
        try
        {
            var context = Of(ssl);
            if (context._tickets is not { } tickets || context._ticketCipher == 0) return 0;
            if (encrypts != 0)
            {
                var newest = tickets.Newest();
                newest.Name.CopyTo(new Span<byte>(name, TicketKey.NameLength));
                RandomNumberGenerator.Fill(new Span<byte>(iv, 16));
                return Use(newest, iv, context._ticketCipher, cipher, mac, true) ? 1 : -1;
            }
            if (tickets.Find(new ReadOnlySpan<byte>(name, TicketKey.NameLength), out bool isNewest) is not { } key) return 0;
            if (!Use(key, iv, context._ticketCipher, cipher, mac, false)) return -1;
            // A ticket of TLS 1.3 is for one use (RFC 8446 appendix C.4): without a new one every second connection would have none.
            return isNewest && LibSsl.SSL_version(ssl) != LibSsl.Tls13 ? 1 : 2;
        }
        catch (Exception)
        {
            return -1;
        }
    }

    private static bool Use(TicketKey key, byte* iv, nint algorithm, nint cipher, nint mac, bool encrypts)
    {
        fixed (byte* aes = key.Aes)
        fixed (byte* hmac = key.Hmac)
        fixed (byte* digest = "digest\0"u8)
        fixed (byte* sha256 = "SHA256\0"u8)
        {
            var parameters = stackalloc LibCrypto.OsslParam[2];
            parameters[0] = new LibCrypto.OsslParam { Key = digest, Type = LibCrypto.ParamUtf8, Data = sha256, Size = 6 };
            parameters[1] = default;
            return (encrypts ? LibCrypto.EVP_EncryptInit_ex(cipher, algorithm, 0, aes, iv)
                : LibCrypto.EVP_DecryptInit_ex(cipher, algorithm, 0, aes, iv)) == 1
                && LibCrypto.EVP_MAC_init(mac, hmac, (nuint)key.Hmac.Length, parameters) == 1;
        }
    }
}
