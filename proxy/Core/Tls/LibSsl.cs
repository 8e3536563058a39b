using System.Runtime.InteropServices;

namespace Managed.Proxy.Core.Tls;

/// <summary>
/// What is used of libssl.so.3, with blittable signatures; pointers to its objects are <see cref="nint"/>. The GC transition is left out
/// for questions only that return a field: what reads, writes or verifies comes back into managed code, and the process would abort.
/// </summary>
internal static unsafe partial class LibSsl
{
    private const string Lib = "libssl.so.3";

    public const int Tls12 = 0x0303, Tls13 = 0x0304;
    public const int ErrorSsl = 1, ErrorWantRead = 2, ErrorWantWrite = 3, ErrorSyscall = 5, ErrorZeroReturn = 6;
    public const int VerifyNone = 0, VerifyPeer = 1, VerifyFailIfNoPeerCert = 2;
    public const int TlsExtErrOk = 0, TlsExtErrAlertFatal = 2, TlsExtErrNoAck = 3;
    public const int SentShutdown = 1, ReceivedShutdown = 2;
    public const int SessionCacheOff = 0, SessionCacheClient = 1, SessionCacheNoInternal = 0x300;

    // SSL_OP_*
    public const ulong OpIgnoreUnexpectedEof = 1 << 7, OpNoTicket = 1 << 14, OpNoCompression = 1 << 17, OpPrioritizeChaCha = 1 << 21,
        OpCipherServerPreference = 1 << 22, OpNoRenegotiation = 1 << 30;
    // SSL_MODE_*
    public const int ModeNoAutoChain = 8, ModeReleaseBuffers = 0x10;
    // SSL_CTRL_*: what the headers give as macros.
    public const int CtrlMode = 33, CtrlSetReadAhead = 41, CtrlSetSessionCacheMode = 44, CtrlSetHostName = 55,
        CtrlSetStatusRequestCallback = 63,
        CtrlSetStatusResponse = 71, CtrlChainCert = 89, CtrlSetGroups = 92, CtrlSetSigAlgs = 98, CtrlSetMinVersion = 123,
        CtrlSetMaxVersion = 124,
        CtrlGetNegotiatedGroup = 134;

    [LibraryImport(Lib)] public static partial int OPENSSL_init_ssl(ulong options, nint settings);
    [LibraryImport(Lib)] public static partial nint TLS_server_method();
    [LibraryImport(Lib)] public static partial nint TLS_client_method();

    [LibraryImport(Lib)] public static partial nint SSL_CTX_new_ex(nint library, nint properties, nint method);
    [LibraryImport(Lib)] public static partial void SSL_CTX_free(nint context);
    [LibraryImport(Lib)] public static partial ulong SSL_CTX_set_options(nint context, ulong options);
    [LibraryImport(Lib)] public static partial nint SSL_CTX_ctrl(nint context, int command, nint number, nint pointer);
    [LibraryImport(Lib)] public static partial nint SSL_CTX_callback_ctrl(nint context, int command, nint callback);
    [LibraryImport(Lib)] public static partial int SSL_CTX_set_ex_data(nint context, int index, nint data);
    [LibraryImport(Lib)] public static partial nint SSL_CTX_get_ex_data(nint context, int index);
    [LibraryImport(Lib)] public static partial int SSL_CTX_set_cipher_list(nint context, byte* names);
    [LibraryImport(Lib)] public static partial int SSL_CTX_set_ciphersuites(nint context, byte* names);
    [LibraryImport(Lib)] public static partial int SSL_CTX_use_certificate(nint context, nint certificate);
    [LibraryImport(Lib)] public static partial int SSL_CTX_use_PrivateKey(nint context, nint key);
    [LibraryImport(Lib)] public static partial int SSL_CTX_check_private_key(nint context);
    [LibraryImport(Lib)] public static partial void SSL_CTX_set_verify(nint context, int mode, nint callback);
    [LibraryImport(Lib)] public static partial void SSL_CTX_set_verify_depth(nint context, int depth);
    [LibraryImport(Lib)] public static partial void SSL_CTX_set_cert_verify_callback(nint context, nint callback, nint argument);
    [LibraryImport(Lib)] public static partial nint SSL_CTX_get_cert_store(nint context);
    [LibraryImport(Lib)] public static partial int SSL_CTX_add_client_CA(nint context, nint certificate);
    [LibraryImport(Lib)] public static partial int SSL_CTX_set_session_id_context(nint context, byte* id, uint length);
    [LibraryImport(Lib)] public static partial nint SSL_CTX_set_timeout(nint context, nint seconds);
    [LibraryImport(Lib)] public static partial int SSL_CTX_set_num_tickets(nint context, nuint count);
    [LibraryImport(Lib)] public static partial int SSL_CTX_set_tlsext_ticket_key_evp_cb(nint context, nint callback);
    [LibraryImport(Lib)] public static partial void SSL_CTX_set_alpn_select_cb(nint context, nint callback, nint argument);
    [LibraryImport(Lib)] public static partial int SSL_CTX_set_alpn_protos(nint context, byte* protocols, uint length);
    [LibraryImport(Lib)] public static partial void SSL_CTX_sess_set_new_cb(nint context, nint callback);
    [LibraryImport(Lib)] public static partial void SSL_CTX_set_keylog_callback(nint context, nint callback);

    [LibraryImport(Lib)] public static partial nint SSL_new(nint context);
    [LibraryImport(Lib)] public static partial void SSL_free(nint ssl);
    [LibraryImport(Lib)] public static partial void SSL_set_bio(nint ssl, nint read, nint write);
    [LibraryImport(Lib)] public static partial void SSL_set_accept_state(nint ssl);
    [LibraryImport(Lib)] public static partial void SSL_set_connect_state(nint ssl);
    [LibraryImport(Lib)] public static partial int SSL_do_handshake(nint ssl);
    [LibraryImport(Lib)] public static partial int SSL_read(nint ssl, byte* buffer, int length);
    [LibraryImport(Lib)] public static partial int SSL_write(nint ssl, byte* buffer, int length);
    [LibraryImport(Lib)] public static partial int SSL_shutdown(nint ssl);
    [LibraryImport(Lib)] public static partial nint SSL_ctrl(nint ssl, int command, nint number, nint pointer);
    [LibraryImport(Lib)] public static partial int SSL_set_ex_data(nint ssl, int index, nint data);
    [LibraryImport(Lib)] public static partial nint SSL_get_ex_data(nint ssl, int index);
    [LibraryImport(Lib)] public static partial int SSL_get_ex_data_X509_STORE_CTX_idx();
    [LibraryImport(Lib)] public static partial nint SSL_get_SSL_CTX(nint ssl);
    [LibraryImport(Lib)] public static partial nint SSL_get_certificate(nint ssl);
    [LibraryImport(Lib)] public static partial nint SSL_get1_peer_certificate(nint ssl);
    [LibraryImport(Lib)] public static partial nint SSL_get_peer_cert_chain(nint ssl);
    [LibraryImport(Lib)] public static partial nint SSL_get_servername(nint ssl, int type);
    [LibraryImport(Lib)] public static partial void SSL_get0_alpn_selected(nint ssl, byte** name, uint* length);
    [LibraryImport(Lib)] public static partial nint SSL_get_current_cipher(nint ssl);
    [LibraryImport(Lib)] public static partial nint SSL_CIPHER_get_name(nint cipher);
    [LibraryImport(Lib)] public static partial ushort SSL_CIPHER_get_protocol_id(nint cipher);
    [LibraryImport(Lib)] public static partial nint SSL_group_to_name(nint ssl, int id);
    [LibraryImport(Lib)] public static partial nint SSL_get_session(nint ssl);
    [LibraryImport(Lib)] public static partial int SSL_set_session(nint ssl, nint session);
    [LibraryImport(Lib)] public static partial void SSL_SESSION_free(nint session);
    [LibraryImport(Lib)] public static partial int SSL_SESSION_is_resumable(nint session);
    [LibraryImport(Lib)] public static partial int SSL_SESSION_get_protocol_version(nint session);
    [LibraryImport(Lib)] public static partial byte* SSL_SESSION_get_id(nint session, uint* length);
    [LibraryImport(Lib)] public static partial nint SSL_get_verify_result(nint ssl);

    [LibraryImport(Lib), SuppressGCTransition] public static partial int SSL_get_error(nint ssl, int result);
    [LibraryImport(Lib), SuppressGCTransition] public static partial int SSL_has_pending(nint ssl);
    [LibraryImport(Lib), SuppressGCTransition] public static partial int SSL_version(nint ssl);
    [LibraryImport(Lib), SuppressGCTransition] public static partial int SSL_session_reused(nint ssl);
    [LibraryImport(Lib), SuppressGCTransition] public static partial int SSL_get_shutdown(nint ssl);
}
